// A chat, as small as one can be: what somebody says, everybody hears.
const http = require("node:http").createServer((request, response) => response.writeHead(404).end());
const io = new (require("socket.io").Server)(http);

io.on("connection", (socket) => {
  socket.on("chat", (text) => io.emit("chat", text));
});

http.listen(process.env.PORT ?? 3000, "127.0.0.1", () => console.log(`READY ${http.address().port}`));
