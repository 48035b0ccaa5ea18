/** The differences between the runtimes: the argument of their servers, and the reading of their memory. */
import process from "node:process";

export const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";

/** The argument that this runtime's server passes after a request from an address. */
export const platformOf = {
  deno: (address) => ({
    remoteAddr: { transport: "tcp", hostname: address, port: 50_000 },
  }),
  bun: (address) => ({
    requestIP: () => ({ address, family: "IPv4", port: 50_000 }),
  }),
  node: (address) => ({
    incoming: { socket: { remoteAddress: address } },
    outgoing: {},
  }),
}[runtime];

/** Reads the address from that argument, as a handwritten handler does. */
export const addressOf = {
  deno: (platform) => platform.remoteAddr.hostname,
  bun: (platform, request) => platform.requestIP(request).address,
  node: (platform) => platform.incoming.socket.remoteAddress,
}[runtime];

/** Collects all garbage. */
async function collectGarbage() {
  for (let i = 0; i < 3; i++) {
    if (runtime === "bun") globalThis.Bun.gc(true);
    else globalThis.gc();
    await new Promise((resume) => setTimeout(resume, 10));
  }
}

/** Bytes held by JavaScript objects and array buffers. */
export async function heldBytes() {
  await collectGarbage();
  if (runtime !== "bun") {
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    // Deno counts array buffers as external memory alone.
    return heapUsed + Math.max(external, arrayBuffers ?? 0);
  }
  const { heapStats } = await import("bun:jsc");
  return heapStats().heapSize; // Array buffers included.
}

/** The memory of the process, in bytes. */
export const residentBytes = () => process.memoryUsage.rss?.() ?? process.memoryUsage().rss;
