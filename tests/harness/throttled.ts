import {
  createThrottle,
  type Handler,
  memoryStore,
  type Rate,
  type Rule,
  type Throttle,
  type ThrottleEvent,
  type ThrottleOptions,
} from "../../mod.ts";

/** When the clock of a {@link throttled} handler starts: a full minute of 2027. */
export const START = 1_800_000_000_000;

/** The client that sends a request which names none. */
export const SOMEBODY = "192.0.2.1";

/** A request's address is what its header "x-from" says, and somebody's where it says none. */
export const client = {
  address: (request: Request): string => request.headers.get("x-from") ?? SOMEBODY,
};

/** "POST /login" as a request; "/login" is a GET. `from` is the client's address. */
export function requestTo(target = "/", init: RequestInit & { from?: string } = {}): Request {
  const [, method = "GET", path] = /^(?:([A-Z]+) )?(\/.*)$/.exec(target)!;
  const { from, ...rest } = init;
  const request = new Request(`https://api.example${path}`, { method, ...rest });
  if (from !== undefined) request.headers.set("x-from", from);
  return request;
}

/** A handler behind a throttle, on a clock of their own. */
export interface Throttled {
  readonly throttle: Throttle;
  readonly clock: { now: number };
  /** The events that observers got. */
  readonly events: ThrottleEvent[];
  /** The requests that reached the handler. */
  readonly served: Request[];
  /** Sends a request, as {@link requestTo} writes it, or one that is made already. */
  send(target?: string | Request, init?: RequestInit & { from?: string }): Promise<Response>;
  /** Sends several in turn and gives their statuses. */
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
