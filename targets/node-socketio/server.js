"use strict";

// The fixture app for socket.io on Node.js: what a scenario asks a server to do, one library call a line.

const { createServer } = require("node:http");
const { setTimeout: sleep } = require("node:timers/promises");
const engineIo = require("engine.io");
const { Server } = require("socket.io");
const { name, version } = require("socket.io/package.json");

const { env } = process;
const millis = (knob, fallback) => Number(env[knob] || fallback);

const options = {
  pingInterval: millis("PING_INTERVAL_MS", 25_000),
  pingTimeout: millis("PING_TIMEOUT_MS", 20_000),
  upgradeTimeout: millis("UPGRADE_TIMEOUT_MS", 10_000),
  maxHttpBufferSize: Number(env.MAX_PAYLOAD || 1_000_000),
  allowUpgrades: env.UPGRADES !== "0",
  // `?deny=1` refuses the handshake.
  allowRequest: (req, decide) =>
    decide(null, new URL(req.url, "http://localhost").searchParams.get("deny") !== "1"),
};
if (env.COOKIE) options.cookie = { name: env.COOKIE };
if (env.CORS) options.cors = { origin: env.CORS === "*" ? "*" : env.CORS.split(",") };

const middlewareCalls = { "/": 0, "/auth": 0, "/slow": 0 };

const httpServer = createServer((req, res) => {
  if (req.method !== "GET" || req.url !== "/fixture") return res.writeHead(404).end();
  res.writeHead(200, { "content-type": "application/json" }).end(
    JSON.stringify({
      name,
      version,
      engine: ["polling", "websocket"],
      caps: [
        "engine-echo", "rooms", "call", "call-many", "volatile", "recovery", "dynamic", "middleware-data",
        "concurrent", "double-ack", "disconnect-close", "kick-room", "deny", "cookie", "cors",
      ],
      rss: process.memoryUsage.rss(),
      sessions: io.engine.clientsCount + engine.clientsCount,
      ...census(),
      middleware: middlewareCalls,
    }),
  );
});

// The sockets of all namespaces, and the rooms beside each socket's own.
function census() {
  const adapters = [...io._nsps.values()].map((namespace) => namespace.adapter);
  const roomsOf = ({ rooms, sids }) => [...rooms.keys()].filter((room) => !sids.has(room)).length;
  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  return { sockets: sum(adapters.map(({ sids }) => sids.size)), rooms: sum(adapters.map(roomsOf)) };
}

// ---- Engine.IO: an echo at /engine.io/

const engine = engineIo.attach(httpServer, {
  ...options,
  path: "/engine.io/",
  initialPacket: env.INITIAL_PACKET || undefined,
});

engine.on("connection", (socket) => {
  socket.on("message", (data) => {
    if (data === "!close") return socket.close();
    const burst = typeof data === "string" && /^!burst (\d+)$/.exec(data);
    if (!burst) return socket.send(data);
    for (let i = 0; i < Number(burst[1]); i++) socket.send(String(i));
  });
});

// ---- Socket.IO at /socket.io/

const io = new Server(httpServer, {
  ...options,
  connectTimeout: millis("CONNECT_TIMEOUT_MS", 45_000),
  connectionStateRecovery:
    env.RECOVERY === "1" ? { maxDisconnectionDuration: millis("RECOVERY_WINDOW_MS", 120_000) } : undefined,
});

io.use((_socket, next) => {
  middlewareCalls["/"]++;
  next();
});

io.of("/auth").use((socket, next) => {
  middlewareCalls["/auth"]++;
  socket.join("pre");
  if (socket.handshake.auth.token === "secret") return next();
  const refusal = new Error("not authorized");
  refusal.data = { code: 401 };
  next(refusal);
});

io.of("/slow").use((_socket, next) => {
  middlewareCalls["/slow"]++;
  setTimeout(next, 300);
});

const monitor = io.of("/monitor");

for (const namespace of ["/", "/custom", "/auth", "/slow", /^\/dyn-\d+$/]) {
  io.of(namespace).on("connection", serve);
}

function serve(socket) {
  const roomsOf = () => [...socket.rooms].filter((room) => room !== socket.id).sort();

  // The sockets that `emit-to` and `call-many` address.
  const audience = ({ from = "socket", to = [], except = [], volatile = false } = {}) => {
    const everyone = from === "io" ? socket.nsp.to([]) : socket.broadcast;
    const chosen = everyone.to(to).except(except);
    return volatile ? chosen.volatile : chosen;
  };

  // Registers a handler; it gets the arguments, and apart from them the acknowledgement callback.
  const on = (event, handler) =>
    socket.on(event, (...args) => {
      const ack = typeof args.at(-1) === "function" ? args.pop() : () => {};
      return handler(args, ack);
    });

  monitor.emit("joined", socket.nsp.name, socket.id);
  socket.on("disconnecting", (reason) => monitor.emit("left", socket.nsp.name, socket.id, reason, roomsOf()));

  socket.emit("auth", socket.handshake.auth);

  on("message", (args) => socket.emit("message-back", ...args));

  on("message-with-ack", (args, ack) => ack(...args));

  on("count-bytes", ([buffer], ack) => ack(buffer.length));

  on("note", ([value]) => monitor.emit("noted", socket.id, value));

  on("whoami", (_args, ack) =>
    ack({
      sid: socket.id,
      nsp: socket.nsp.name,
      transport: socket.conn.transport.name,
      recovered: socket.recovered,
      rooms: roomsOf(),
      inOwnRoom: socket.rooms.has(socket.id),
    }),
  );

  on("join", ([rooms], ack) => {
    socket.join(rooms);
    ack(roomsOf());
  });

  on("leave", ([room], ack) => {
    socket.leave(room);
    ack(roomsOf());
  });

  on("emit-to", ([opts, event, ...args], ack) => {
    audience(opts).emit(event, ...args);
    ack();
  });

  on("call", ([timeoutMs, ...args]) => {
    socket.timeout(timeoutMs).emit("called", ...args, (err, ...answer) => {
      if (err) return socket.emit("call-result", "timeout");
      socket.emit("call-result", null, ...answer);
    });
  });

  on("call-many", ([opts, timeoutMs, ...args]) => {
    audience(opts)
      .timeout(timeoutMs)
      .emit("called", ...args, (err, answers) => {
        // An empty answer is undefined here, and JSON writes that as null.
        socket.emit("call-many-result", err ? "timeout" : null, answers);
      });
  });

  on("burst", ([n, { volatile = false, binary = false, size = 0 } = {}]) => {
    const extras = [];
    if (binary) extras.push(Buffer.from([1, 2, 3]));
    if (size) extras.push("x".repeat(size));
    for (let i = 0; i < n; i++) {
      (volatile ? socket.volatile : socket).emit("burst", i, ...extras);
    }
  });

  on("sandwich", (_args, ack) => {
    socket.emit("first");
    ack();
    socket.emit("last");
  });

  on("kick", ([close, joinAfter]) => {
    socket.disconnect(close);
    if (joinAfter === "join-after") socket.join("late");
  });

  on("kick-room", ([room, close]) => socket.nsp.in(room).disconnectSockets(close));

  on("slow", async ([ms], ack) => {
    await sleep(ms);
    ack(ms);
  });

  on("double-ack", (_args, ack) => {
    ack("a");
    ack("b");
  });

  on("throw", () => {
    throw new Error("the handler failed, as it was asked to");
  });
}

httpServer.listen(Number(env.PORT || 0), "127.0.0.1", () => {
  console.log(`READY ${httpServer.address().port}`);
});
