// Plays the official client on command: a line of JSON on stdin is a wish, a line on stdout a decision of the client.
const { io } = require("socket.io-client");
const readline = require("node:readline");

const say = (text) => process.stdout.write(text + "\n");
const socket = io(process.argv[2], { ...JSON.parse(process.argv[3]), autoConnect: false, forceNew: true });

socket.on("connect", () => say(socket.recovered ? "connect (recovered)" : "connect"));
socket.on("disconnect", (reason) => say(`disconnect (${reason})`));
socket.on("connect_error", () => say("connect_error"));
socket.io.on("reconnect_attempt", (attempt) => say(`reconnect_attempt ${attempt}`));
socket.io.on("reconnect_failed", () => say("reconnect_failed"));

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const wish = JSON.parse(line);
  if (wish.open) return socket.connect();
  if (wish.close) return socket.disconnect();
  const told = (error) => say(`ack ${wish.label} ${error instanceof Error ? "failed" : "ok"}`);
  if (wish.volatile) return socket.volatile.emit(...wish.args);
  if (wish.timeout) return socket.timeout(wish.timeout).emit(...wish.args, told);
  if (wish.label) return socket.emit(...wish.args, told);
  socket.emit(...wish.args);
}).on("close", () => process.exit(0));
