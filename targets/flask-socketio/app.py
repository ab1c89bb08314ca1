"""The fixture app for Flask-SocketIO: what a scenario asks a server to do, one library call a line.

`ASYNC_MODE` chooses the server: `threading` (Werkzeug), `gevent` or `eventlet`.
"""

import os

ASYNC_MODE = os.environ.get("ASYNC_MODE", "threading")
if ASYNC_MODE == "gevent":
    from gevent import monkey

    monkey.patch_all()
elif ASYNC_MODE == "eventlet":
    import eventlet

    eventlet.monkey_patch()

import logging
import re
import resource
import socket
from importlib.metadata import version

import engineio
from flask import Flask, request
from flask_socketio import (
    ConnectionRefusedError,
    SocketIO,
    call,
    disconnect,
    emit,
    join_room,
    leave_room,
    rooms,
)
from socketio.exceptions import TimeoutError

HOST = "127.0.0.1"
NAMESPACES = ["/", "/custom", "/auth", "/slow"]
CAPABILITIES = ["engine-echo", "rooms", "call", "middleware-data", "concurrent", "cookie", "cors"]


def seconds(knob, default):
    return int(os.environ.get(knob) or default) / 1000


def allowed_origins():
    origins = os.environ.get("CORS")
    if not origins or origins == "*":
        return origins or None
    return origins.split(",")


OPTIONS = {
    "async_mode": ASYNC_MODE,
    "ping_interval": seconds("PING_INTERVAL_MS", 25_000),
    "ping_timeout": seconds("PING_TIMEOUT_MS", 20_000),
    "max_http_buffer_size": int(os.environ.get("MAX_PAYLOAD") or 1_000_000),
    "allow_upgrades": os.environ.get("UPGRADES") != "0",
    "cookie": os.environ.get("COOKIE") or None,
    "cors_allowed_origins": allowed_origins(),
    "cors_credentials": False,
}

app = Flask(__name__)
socketio = SocketIO(app, **OPTIONS)

# ---- Engine.IO: an echo at /engine.io/

eio = engineio.Server(**OPTIONS)
app.wsgi_app = engineio.WSGIApp(eio, app.wsgi_app, engineio_path="engine.io")


@eio.on("message")
def echo(sid, data):
    if data == "!close":
        eio.disconnect(sid)
    elif isinstance(data, str) and (burst := re.fullmatch(r"!burst (\d+)", data)):
        for i in range(int(burst[1])):
            eio.send(sid, str(i))
    else:
        eio.send(sid, data)


# ---- Socket.IO at /socket.io/


def on(event):
    """Registers a handler in every namespace but /monitor."""

    def register(handler):
        for namespace in NAMESPACES:
            socketio.on_event(event, handler, namespace=namespace)
        return handler

    return register


def all_rooms():
    # rooms() walks over all rooms of the namespace, and raises when another thread adds one meanwhile. Who does
    # is another client: no scenario that only wants to join shall fail by it.
    for _ in range(100):
        try:
            return rooms()
        except RuntimeError as error:
            if "changed size" not in str(error):
                raise
    return rooms()


def own_rooms():
    return sorted(room for room in all_rooms() if room != request.sid)


@socketio.on("connect", namespace="/monitor")
def monitor_connected():
    pass


def monitor(event, *args):
    socketio.emit(event, args, namespace="/monitor")


@on("connect")
def connected(auth):
    # A connect handler is what middleware is elsewhere.
    if request.namespace == "/auth":
        join_room("pre")
        if auth != {"token": "secret"}:
            raise ConnectionRefusedError("not authorized", {"code": 401})
    elif request.namespace == "/slow":
        socketio.sleep(0.3)
    emit("auth", auth or {})
    monitor("joined", request.namespace, request.sid)


@on("disconnect")
def disconnected(reason):
    monitor("left", request.namespace, request.sid, reason, own_rooms())


# A tuple is sent as separate arguments, and returned from a handler it is acknowledged as such.


@on("message")
def message(*args):
    emit("message-back", args)


@on("message-with-ack")
def message_with_ack(*args):
    return args


@on("count-bytes")
def count_bytes(buffer):
    return len(buffer)


@on("note")
def note(value):
    monitor("noted", request.sid, value)


@on("whoami")
def whoami():
    return {
        "sid": request.sid,
        "nsp": request.namespace,
        "transport": socketio.server.transport(request.sid, request.namespace),
        "recovered": False,
        "rooms": own_rooms(),
        "inOwnRoom": request.sid in all_rooms(),
    }


@on("join")
def join(names):
    for name in names:
        join_room(name)
    return own_rooms()


@on("leave")
def leave(name):
    leave_room(name)
    return own_rooms()


@on("emit-to")
def emit_to(opts, event, *args):
    skipped = list(opts.get("except", []))
    if opts.get("from") != "io":
        skipped.append(request.sid)
    emit(event, args, to=opts.get("to"), broadcast=not opts.get("to"), skip_sid=skipped)


@on("call")
def call_client(timeout_ms, *args):
    try:
        answer = call("called", args, timeout=timeout_ms / 1000)
    except TimeoutError:
        emit("call-result", "timeout")
        return
    # `call` returns a tuple for several values, the value itself for one, and None for none.
    if answer is None:
        answer = ()
    elif not isinstance(answer, tuple):
        answer = (answer,)
    emit("call-result", (None, *answer))


@on("burst")
def burst(n, opts={}):
    extras = []
    if opts.get("binary"):
        extras.append(bytes([1, 2, 3]))
    if opts.get("size"):
        extras.append("x" * opts["size"])
    for i in range(n):
        emit("burst", (i, *extras))


@on("kick")
def kick(close=False, then=None):
    disconnect()
    if then == "join-after":
        join_room("late")


@on("slow")
def slow(ms):
    socketio.sleep(ms / 1000)
    return ms


@on("throw")
def throw():
    raise RuntimeError("the handler failed, as it was asked to")


# ---- The process


def census():
    """The sockets of all namespaces, and the rooms beside each socket's own."""
    sockets, named = 0, 0
    for members in list(socketio.server.manager.rooms.values()):
        # The room None is everybody.
        everybody = list(members.get(None, ()))
        sockets += len(everybody)
        named += sum(room is not None and room not in everybody for room in list(members))
    return {"sockets": sockets, "rooms": named}


@app.get("/fixture")
def fixture():
    about = {
        "name": f"Flask-SocketIO ({ASYNC_MODE})",
        "version": version("Flask-SocketIO"),
        "engine": ["polling", "websocket"],
        "caps": CAPABILITIES,
        "sessions": len(socketio.server.eio.sockets) + len(eio.sockets),
        **census(),
    }
    if os.path.exists("/proc/self/statm"):
        with open("/proc/self/statm") as statm:
            about["rss"] = int(statm.read().split()[1]) * resource.getpagesize()
    return about


def free_port():
    """A port that nobody uses: `socketio.run` would take port 0, but could not say what it became."""
    with socket.create_server((HOST, 0)) as probe:
        return probe.getsockname()[1]


def announce(port):
    """Says `READY` once the server accepts connections."""
    while True:
        try:
            socket.create_connection((HOST, port)).close()
            break
        except ConnectionError:
            socketio.sleep(0.01)
    print(f"READY {port}", flush=True)


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    port = int(os.environ.get("PORT") or 0) or free_port()
    socketio.start_background_task(announce, port)
    socketio.run(app, HOST, port, allow_unsafe_werkzeug=True)
