import { Buffer } from "node:buffer";
import { connect } from "node:net";

/** A reply of Redis: a top-level error reply rejects, one inside an array is an Error. */
export type Reply = string | number | null | Error | readonly Reply[];

/** A minimal RESP2 connection to Redis. */
export interface Connection {
  /**
   * Sends a command, in one write with the others of the same turn, like a pipelining client; replies come in
   * order. Rejects on an error reply and when the connection closes.
   */
  command(...words: (string | number)[]): Promise<Reply>;
  /** Closes it now. */
  close(): void;
}

/** The address of a server. */
export type Address = { readonly path: string } | { readonly host: string; readonly port: number };

const LINE_END = "\r\n";

const COLON = 58;
const MINUS = 45;
const CR = 13;

/** Replies of scripts are mostly integers, so these are parsed from bytes. */
function parseInteger(buffer: Buffer, at: number): { reply: number; end: number } | null {
  const start = buffer[at] === MINUS ? at + 1 : at;
  let number = 0;
  let end = start;
  for (; end < buffer.length && buffer[end] !== CR; end++) number = number * 10 + (buffer[end] - 48);
  if (end + 2 > buffer.length) return null;
  return { reply: start === at ? number : -number, end: end + 2 };
}

/** Parses one reply from `at` on; null if it is incomplete. */
function parse(buffer: Buffer, at: number): { reply: Reply; end: number } | null {
  if (buffer[at] === COLON) return parseInteger(buffer, at + 1);
  const lineEnd = buffer.indexOf(LINE_END, at);
  if (lineEnd < 0) return null;
  const line = buffer.toString("utf8", at + 1, lineEnd);
  const next = lineEnd + 2;
  switch (String.fromCharCode(buffer[at])) {
    case "+":
      return { reply: line, end: next };
    case "-":
      return { reply: new Error(line), end: next };
    case "$": {
      const length = Number(line);
      if (length < 0) return { reply: null, end: next };
      if (buffer.length < next + length + 2) return null;
      return { reply: buffer.toString("utf8", next, next + length), end: next + length + 2 };
    }
    case "*": {
      const length = Number(line);
      if (length < 0) return { reply: null, end: next };
      const replies: Reply[] = [];
      let end = next;
      for (let i = 0; i < length; i++) {
        const part = parse(buffer, end);
        if (part === null) return null;
        replies.push(part.reply);
        end = part.end;
      }
      return { reply: replies, end };
    }
    default:
      throw new Error(`Not a reply of Redis: ${buffer.toString("utf8", at, at + 100)}`);
  }
}

/** Connects. Commands may be sent at once; they reject if the connection fails. */
export function connectTo(address: Address): Connection {
  const socket = "path" in address ? connect(address.path) : connect(address.port, address.host);
  const waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = [];
  let received: Buffer = Buffer.alloc(0);
  let unsent = "";
  let ended: Error | null = null;

  function end(error: Error): void {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(ended);
    socket.destroy();
  }

  function send(): void {
    socket.write(unsent);
    unsent = "";
  }

  socket.setNoDelay(true);
  socket.on("data", (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    let at = 0;
    for (let part = parse(received, at); part !== null; part = parse(received, at)) {
      at = part.end;
      const { resolve, reject } = waiting.shift()!;
      if (part.reply instanceof Error) reject(part.reply);
      else resolve(part.reply);
    }
    received = received.subarray(at);
  });
  socket.on("error", end);
  socket.on("close", () => end(new Error("The connection to Redis has ended")));

  return {
    command(...words) {
      if (ended !== null) return Promise.reject(ended);
      const bulks = words.map((word) => {
        const text = String(word);
        return `$${Buffer.byteLength(text)}${LINE_END}${text}${LINE_END}`;
      });
      if (unsent === "") queueMicrotask(send);
      unsent += `*${words.length}${LINE_END}${bulks.join("")}`;
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    close: () => end(new Error("The connection to Redis was closed")),
  };
}
