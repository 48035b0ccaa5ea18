import { connect, createServer, type Server, type Socket } from "node:net";
import { freePort } from "./free_port.ts";

/** A proxy in front of a server that can be shut, so that connections are refused, and opened again. */
export async function startDoor(port: number) {
  const sockets = new Set<Socket>();
  let server: Server;
  const at = await freePort();
  async function open(): Promise<void> {
    server = createServer((inside) => {
      const outside = connect(port, "127.0.0.1");
      for (const socket of [inside, outside]) {
        sockets.add(socket);
        socket.on("error", () => {}).on("close", () => sockets.delete(socket));
      }
      inside.pipe(outside).pipe(inside);
      inside.on("close", () => outside.destroy());
      outside.on("close", () => inside.destroy());
    });
    await new Promise<void>((listening, failed) =>
      server.once("error", failed).listen(at, "127.0.0.1", listening)
    );
  }
  await open();
  return {
    url: `http://127.0.0.1:${at}`,
    async shut() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    open,
  };
}
