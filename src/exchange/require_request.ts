/**
 * The check that a request is one: a web-standard Request, by its shape, as servers have classes of their own for it.
 *
 * @module
 */

import { shown } from "../cannot.ts";

/** Where frameworks keep the Request in the objects that they hand to their handlers. */
const PATHS = ["request", "req", "raw", "req.raw"];

const REMEDY =
  "Pass the Request itself: `event.request` (SvelteKit), `context.request` (Astro), `event.req` (h3) or `c.req.raw` (Hono); " +
  "node's IncomingMessage (Express, Fastify) needs a bridge: new NodeRequest({ req, res }) or toNodeHandler of " +
  '"srvx/node", or getRequestListener of "@hono/node-server".';

function isRequest(value: unknown): value is Request {
  const { url, method, headers } = (value ?? {}) as Partial<Request>;
  // A Response has a url and headers too.
  return typeof url === "string" && typeof method === "string" && typeof headers?.get === "function";
}

/** The kind of a value, and of an object without one the names in it: its values may be secrets. */
function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return shown(value);
  const { name } = (Object.getPrototypeOf(value)?.constructor ?? {}) as { name?: unknown };
  if (typeof name === "string" && name !== "" && name !== "Object") return `of the class ${name}`;
  return `an object with ${Object.keys(value).slice(0, 8).join(", ") || "nothing in it"}`;
}

function valueAt(value: unknown, path: string): unknown {
  return path.split(".").reduce((holder, name) => (holder as Record<string, unknown> | null)?.[name], value);
}

function refuse(value: unknown): never {
  const path = PATHS.find((path) => isRequest(valueAt(value, path)));
  const hint = path === undefined ? "" : ` It has one as \`${path}\`.`;
  throw new TypeError(
    "Cannot throttle this as it must be a Request, with `url`, `method` and `headers.get`: " +
      `current value is ${kindOf(value)}.${hint} ${REMEDY}`,
  );
}

/** The class of a request that was looked at before: some servers make headers only for those who look at them. */
let known: unknown = requireRequest;

/**
 * Refuses a value that is no request.
 *
 * @param value The value that must be a request.
 * @throws {TypeError} When it is none, in a sentence that names the value to pass.
 */
export function requireRequest(value: unknown): asserts value is Request {
  if (typeof value !== "object" || value === null) refuse(value);
  // Its constructor, not its prototype: V8 calls its runtime for that.
  const kind = value.constructor;
  if (kind === known) return;
  if (!isRequest(value)) refuse(value);
  if (!Object.hasOwn(value, "url") && !Object.hasOwn(value, "headers")) known = kind;
}
