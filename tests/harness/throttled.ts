import {
  type Algorithm,
  createThrottle,
  fixedWindow,
  gcra,
  type Handler,
  type Identity,
  memoryStore,
  type Rate,
  type Rule,
  slidingLog,
  slidingWindow,
  type Throttle,
  type ThrottleEvent,
  type ThrottleOptions,
} from "../../mod.ts";

/** The start of the clock of a {@link throttled} handler: a full minute of 2027. */
export const START = 1_800_000_000_000;

/** The client of a request without one. */
export const SOMEBODY = "192.0.2.1";

/** The header "x-from" is a request's address; there is a default. */
export const client = {
  address: (request: Request): string => request.headers.get("x-from") ?? SOMEBODY,
};

/** The sender of a request: the header "x-user" is the id, "x-tier" the plan; "staff" and "root" are what they are called. */
export function identify(request: Request): Identity | null {
  const id = request.headers.get("x-user");
  const tier = request.headers.get("x-tier");
  if (id === null) return null;
  return { id, staff: id === "staff", superuser: id === "root", ...(tier === null ? {} : { tier }) };
}

export const authenticate = ({ request }: { request: Request }): Identity | null => identify(request);

/** The headers of a request by a user. */
export const as = (user: string, more: Record<string, string> = {}): { headers: Record<string, string> } => ({
  headers: { "x-user": user, ...more },
});

/** "POST /login" as a request; "/login" is a GET. `from` is the client's address. */
export function requestTo(target = "/", init: RequestInit & { from?: string } = {}): Request {
  const [, method = "GET", path] = /^(?:([A-Z]+) )?(\/.*)$/.exec(target)!;
  const { from, ...rest } = init;
  const request = new Request(`https://api.example${path}`, { method, ...rest });
  if (from !== undefined) request.headers.set("x-from", from);
  return request;
}

/** The algorithms that count requests over a time, each by its defaults. */
export const COUNTING: readonly (readonly [name: string, algorithm: Algorithm])[] = [
  ["fixedWindow", fixedWindow()],
  ["aligned fixedWindow", fixedWindow({ aligned: true })],
  ["gcra", gcra()],
  ["slidingLog", slidingLog()],
  ["slidingWindow", slidingWindow()],
];

/** The units that each rule has left for somebody, in rule order. */
export async function left(throttle: Throttle): Promise<number[]> {
  const decisions = throttle.rules.map(({ name }) => throttle.usage(name, SOMEBODY));
  return (await Promise.all(decisions)).map(({ remaining }) => remaining);
}

/** A throttled handler on its own clock. */
export interface Throttled {
  readonly throttle: Throttle;
  readonly clock: { now: number };
  /** The events of its observers. */
  readonly events: ThrottleEvent[];
  /** The requests that reached the handler. */
  readonly served: Request[];
  /** Sends a request, or a description of it for {@link requestTo}. */
  send(target?: string | Request, init?: RequestInit & { from?: string }): Promise<Response>;
  /** Sends several in turn and returns their statuses. */
  statuses(count: number, target?: string, init?: RequestInit & { from?: string }): Promise<number[]>;
}

/** Puts rules in front of a handler, which by default answers "inside". */
export function throttled(
  rules: Rate | Rule | readonly (Rate | Rule)[],
  options: ThrottleOptions = {},
  handler: Handler<unknown[]> = () => new Response("inside"),
): Throttled {
  const clock = { now: START };
  const events: ThrottleEvent[] = [];
  const served: Request[] = [];
  const throttle = createThrottle(rules, {
    store: memoryStore({ clock: () => clock.now }),
    client,
    ...options,
    observers: [(event) => void events.push(event), ...options.observers ?? []],
  });
  const wrapped = throttle.wrap((request, ...rest) => {
    served.push(request);
    return handler(request, ...rest);
  });
  const send: Throttled["send"] = async (target = "/", init) =>
    await wrapped(typeof target === "string" ? requestTo(target, init) : target);
  return {
    throttle,
    clock,
    events,
    served,
    send,
    async statuses(count, target, init) {
      const answers: number[] = [];
      for (let i = 0; i < count; i++) answers.push((await send(target, init)).status);
      return answers;
    },
  };
}
