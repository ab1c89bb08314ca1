"""A chat, as small as one can be: what somebody says, everybody hears."""

import os
import socket

import socketio
import uvicorn

sio = socketio.AsyncServer(async_mode="asgi")


@sio.event
async def chat(sid, text):
    await sio.emit("chat", text)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "5000"))))
    print(f"READY {listener.getsockname()[1]}", flush=True)
    app = socketio.ASGIApp(sio)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
