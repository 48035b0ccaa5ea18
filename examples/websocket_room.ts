/** `deno run --allow-net examples/websocket_room.ts`: a chat room; a client has two sockets, and five messages per 10 s. */
// Try in three windows: npx wscat -c ws://localhost:8000
import { clientAddress, concurrency, createThrottle, throttleOf } from "@weir/throttle";

const throttle = createThrottle([
  // The lease is how long a crashed process keeps its slots: it is renewed for as long as a socket is open.
  { name: "sockets", rate: { limit: 2 }, algorithm: concurrency({ lease: "30s" }), on: "/" },
  { name: "messages", rate: "5/10s", on: [] },
]);
const room = new Set<WebSocket>();

const handler = throttle.wrap((request: Request, info: Deno.ServeHandlerInfo) => {
  if (request.headers.get("upgrade") !== "websocket") return new Response("This is a room for WebSockets.");
  const caller = clientAddress(request, [info]) ?? "nobody"; // before the upgrade: Deno forgets the peer at it
  const { socket, response } = Deno.upgradeWebSocket(request);
  const free = throttleOf(request)?.hold(); // else the slot would be free at the 101
  socket.onopen = () => room.add(socket);
  socket.onclose = () => {
    room.delete(socket);
    free?.();
  };
  socket.onmessage = async ({ data }) => {
    const { allowed, decisions: [{ retryAfterMs }] } = await throttle.spend("messages", caller);
    if (!allowed) return socket.send(`Not so fast: wait ${Math.ceil(retryAfterMs / 1000)} s.`);
    for (const other of room) other.send(data);
  };
  return response;
});

Deno.serve(handler);
