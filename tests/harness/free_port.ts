import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * The ports that are given: below those that a system gives to whoever asks for any, so that nobody else gets one while its server
 * is down. The bus of a node of a Redis Cluster is 10,000 above its port, and so below those too.
 */
const LOWEST = 10_000;
const PORTS = 10_000;

/** A TCP port of 127.0.0.1 on which nobody listens. No other process is given it for as long as this one lives. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(PORTS * Math.random());
    if (await reserve(port) && await isFree(port)) return port;
  }
}

/** Takes the UDP port of the same number, to the end of this process; false if another one has it. */
async function reserve(port: number): Promise<boolean> {
  const socket = createSocket("udp4").unref();
  socket.bind({ port, address: "127.0.0.1", exclusive: true });
  try {
    await once(socket, "listening");
    return true;
  } catch {
    socket.close();
    return false;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  if (!await once(server, "listening").then(() => true, () => false)) return false;
  server.close();
  await once(server, "close");
  return true;
}
