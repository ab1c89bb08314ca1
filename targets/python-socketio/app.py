"""The fixture app for python-socketio on ASGI: what a scenario asks a server to do, one library call a line."""

import asyncio
import json
import os
import re
import resource
import socket
from importlib.metadata import version

import engineio
import socketio
import uvicorn
from socketio.exceptions import ConnectionRefusedError, TimeoutError

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
    "async_mode": "asgi",
    "ping_interval": seconds("PING_INTERVAL_MS", 25_000),
    "ping_timeout": seconds("PING_TIMEOUT_MS", 20_000),
    "max_http_buffer_size": int(os.environ.get("MAX_PAYLOAD") or 1_000_000),
    "allow_upgrades": os.environ.get("UPGRADES") != "0",
    "cookie": os.environ.get("COOKIE") or None,
    "cors_allowed_origins": allowed_origins(),
    "cors_credentials": False,
}

# ---- Engine.IO: an echo at /engine.io/

eio = engineio.AsyncServer(**OPTIONS)


@eio.on("message")
async def echo(sid, data):
    if data == "!close":
        await eio.disconnect(sid)
    elif isinstance(data, str) and (burst := re.fullmatch(r"!burst (\d+)", data)):
        for i in range(int(burst[1])):
            await eio.send(sid, str(i))
    else:
        await eio.send(sid, data)


# ---- Socket.IO at /socket.io/

sio = socketio.AsyncServer(**OPTIONS)


@sio.on("connect", namespace="/monitor")
async def monitor_connected(sid, environ, auth):
    pass


async def monitor(event, *args):
    await sio.emit(event, args, namespace="/monitor")


# A tuple is sent as separate arguments, and returned from a handler it is acknowledged as such.
def serve(namespace):
    """Registers the handlers of one namespace."""

    def on(event):
        return sio.on(event, namespace=namespace)

    async def emit(event, data, to):
        await sio.emit(event, data, to=to, namespace=namespace)

    def own_rooms(sid):
        return sorted(room for room in sio.rooms(sid, namespace) if room != sid)

    @on("connect")
    async def connected(sid, environ, auth):
        # A connect handler is what middleware is elsewhere.
        if namespace == "/auth":
            await sio.enter_room(sid, "pre", namespace)
            if auth != {"token": "secret"}:
                raise ConnectionRefusedError("not authorized", {"code": 401})
        elif namespace == "/slow":
            await asyncio.sleep(0.3)
        await emit("auth", auth or {}, to=sid)
        await monitor("joined", namespace, sid)

    @on("disconnect")
    async def disconnected(sid, reason):
        await monitor("left", namespace, sid, reason, own_rooms(sid))

    @on("message")
    async def message(sid, *args):
        await emit("message-back", args, to=sid)

    @on("message-with-ack")
    async def message_with_ack(sid, *args):
        return args

    @on("count-bytes")
    async def count_bytes(sid, buffer):
        return len(buffer)

    @on("note")
    async def note(sid, value):
        await monitor("noted", sid, value)

    @on("whoami")
    async def whoami(sid):
        return {
            "sid": sid,
            "nsp": namespace,
            "transport": sio.transport(sid, namespace),
            "recovered": False,
            "rooms": own_rooms(sid),
            "inOwnRoom": sid in sio.rooms(sid, namespace),
        }

    @on("join")
    async def join(sid, names):
        for name in names:
            await sio.enter_room(sid, name, namespace)
        return own_rooms(sid)

    @on("leave")
    async def leave(sid, name):
        await sio.leave_room(sid, name, namespace)
        return own_rooms(sid)

    @on("emit-to")
    async def emit_to(sid, opts, event, *args):
        skipped = list(opts.get("except", []))
        if opts.get("from") != "io":
            skipped.append(sid)
        await sio.emit(event, args, to=opts.get("to") or None, skip_sid=skipped, namespace=namespace)

    @on("call")
    async def call(sid, timeout_ms, *args):
        try:
            answer = await sio.call("called", args, to=sid, namespace=namespace, timeout=timeout_ms / 1000)
        except TimeoutError:
            await emit("call-result", "timeout", to=sid)
            return
        # `call` returns a tuple for several values, the value itself for one, and None for none.
        if answer is None:
            answer = ()
        elif not isinstance(answer, tuple):
            answer = (answer,)
        await emit("call-result", (None, *answer), to=sid)

    @on("burst")
    async def burst(sid, n, opts={}):
        extras = []
        if opts.get("binary"):
            extras.append(bytes([1, 2, 3]))
        if opts.get("size"):
            extras.append("x" * opts["size"])
        for i in range(n):
            await emit("burst", (i, *extras), to=sid)

    @on("kick")
    async def kick(sid, close=False, then=None):
        await sio.disconnect(sid, namespace)
        if then == "join-after":
            await sio.enter_room(sid, "late", namespace)

    @on("slow")
    async def slow(sid, ms):
        await asyncio.sleep(ms / 1000)
        return ms

    @on("throw")
    async def throw(sid):
        raise RuntimeError("the handler failed, as it was asked to")


for namespace in NAMESPACES:
    serve(namespace)

# ---- The process


def census():
    """The sockets of all namespaces, and the rooms beside each socket's own."""
    sockets, named = 0, 0
    for members in list(sio.manager.rooms.values()):
        # The room None is everybody.
        everybody = list(members.get(None, ()))
        sockets += len(everybody)
        named += sum(room is not None and room not in everybody for room in list(members))
    return {"sockets": sockets, "rooms": named}


def fixture():
    about = {
        "name": "python-socketio",
        "version": version("python-socketio"),
        "engine": ["polling", "websocket"],
        "caps": CAPABILITIES,
        "sessions": len(sio.eio.sockets) + len(eio.sockets),
        **census(),
    }
    if os.path.exists("/proc/self/statm"):
        with open("/proc/self/statm") as statm:
            about["rss"] = int(statm.read().split()[1]) * resource.getpagesize()
    return about


async def pages(scope, receive, send):
    """The plain ASGI app that gets what is neither Engine.IO nor Socket.IO."""
    if scope["type"] != "http":
        return
    found = scope["method"] == "GET" and scope["path"] == "/fixture"
    body = json.dumps(fixture()).encode() if found else b""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
    await send({"type": "http.response.body", "body": body})


app = engineio.ASGIApp(eio, socketio.ASGIApp(sio, pages), engineio_path="engine.io")


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT") or 0)), backlog=2048)
    print(f"READY {listener.getsockname()[1]}", flush=True)
    # Without the timeout, uvicorn waits at SIGTERM for as long as a client stays connected.
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    server.run(sockets=[listener])
