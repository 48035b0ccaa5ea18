/** The stream of a model, for both sides of a benchmark. */

/** Its length, without its last events. */
export const BYTES = 10_000_000;

/** The ways to it: the stream alone; held to its end by a slot, which passes it on unread; and read. */
export const PATHS = ["/alone", "/passed", "/counted"];

const event = `data: ${
  JSON.stringify({ choices: [{ delta: { content: " some words" } }], usage: null })
}\n\n`;
const usage = { prompt_tokens: 20, completion_tokens: 100 };

/** A chunk of events. */
export function chunkOf(bytes) {
  return new TextEncoder().encode(event.repeat(Math.ceil(bytes / event.length)).slice(0, bytes));
}

/** The last events: the usage. */
export const LAST = `\n\ndata: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`;
