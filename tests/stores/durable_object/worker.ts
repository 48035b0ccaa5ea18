import { type Algorithm, byGlobal, byHeader, createThrottle, type Rule, type Store } from "../../../mod.ts";
import { withBlock } from "../../../src/algorithms/block.ts";
import {
  durableObjectStore,
  type ObjectNamespace,
  ThrottleObject,
} from "../../../src/stores/durable_object/mod.ts";
import { storeBehaviours } from "../../../src/testing/mod.ts";
import { ALGORITHMS } from "../../../src/testing/store_tools.ts";

/** The Worker of durable_object_test.ts. It answers with JSON. */

interface Env {
  readonly THROTTLE: ObjectNamespace;
  readonly LIMITS: ObjectNamespace;
}

/** Lets one request pass, ever. */
const once: Algorithm<boolean> = {
  name: "once",
  step: (state) => ({
    allowed: state === null,
    remaining: 0,
    resetAfterMs: 0,
    retryAfterMs: state === null ? 0 : Infinity,
    state: true,
    ttlMs: 60_000,
  }),
};
const failing: Algorithm = {
  name: "failing",
  step() {
    throw new Error("this algorithm always fails");
  },
};

const mute: Algorithm = {
  name: "mute",
  step() {
    throw undefined;
  },
};

/** Objects that tell what they store, and have three algorithms of their own. */
export class Limits extends ThrottleObject {
  static override readonly algorithms = [once as Algorithm, failing, mute];
  readonly #state;

  constructor(state: ConstructorParameters<typeof ThrottleObject>[0]) {
    super(state);
    this.#state = state;
  }

  override async fetch(request: Request): Promise<Response> {
    if (request.method !== "GET") return await super.fetch(request);
    const { storage } = this.#state;
    return Response.json({ keys: [...(await storage.list()).keys()], alarm: await storage.getAlarm() });
  }
}
export { ThrottleObject };

const timeoutMs = 10_000;

/** Counts what objects are asked. */
function counting(
  namespace: ObjectNamespace,
): { readonly calls: number; readonly namespace: ObjectNamespace } {
  const counted = {
    calls: 0,
    namespace: {
      idFromName: (name: string) => namespace.idFromName(name),
      get(id: unknown) {
        const stub = namespace.get(id);
        return {
          fetch(url: string, init: { method: string; body: string }) {
            counted.calls++;
            return stub.fetch(url, init);
          },
        };
      },
    },
  };
  return counted;
}

const routes: Readonly<Record<string, (env: Env, words: URLSearchParams) => unknown>> = {
  async behaviour({ THROTTLE }, words) {
    const open = (): Store => durableObjectStore({ namespace: THROTTLE, timeoutMs });
    await storeBehaviours[Number(words.get("index"))].run({ open });
    return "shown";
  },

  /** Asks with these rules, the given number of times at once; says what passed, what failed and how many calls it took. */
  async ask({ LIMITS }, words) {
    const counted = counting(LIMITS);
    const store = durableObjectStore({
      namespace: counted.namespace,
      object: Limits,
      timeoutMs,
      denyCache: false,
    });
    const key = byHeader("x-user");
    const rules = (JSON.parse(words.get("rules")!) as (Rule & { mine?: string; global?: true })[]).map(
      ({ mine, global, ...rule }): Rule => ({
        ...rule,
        key: global ? byGlobal() : key,
        ...mine ? { algorithm: Limits.algorithms.find(({ name }) => name === mine)! } : {},
      }),
    );
    const errors: string[] = [];
    const throttle = createThrottle(rules, {
      store,
      onStoreFailure: "deny",
      observers: [(event) => {
        if (event.type === "store" && event.state === "failing") errors.push((event.error as Error).message);
      }],
    });
    const request = () =>
      new Request("https://example.com/", { headers: { "x-user": words.get("user") ?? "nobody" } });
    const asked = Array.from({ length: Number(words.get("times") ?? 1) }, () => throttle.check(request()));
    const outcomes = await Promise.all(asked);
    return {
      passed: outcomes.filter(({ allowed }) => allowed).length,
      sources: [...new Set(outcomes.flatMap(({ decisions }) => decisions.map(({ source }) => source)))],
      calls: counted.calls,
      errors,
    };
  },

  async stored({ LIMITS }, words) {
    const stub = LIMITS.get(LIMITS.idFromName(JSON.stringify(words.get("user")))) as unknown as {
      fetch(url: string): Promise<Response>;
    };
    return await (await stub.fetch("https://throttle.invalid/")).json();
  },

  /** Which rules are refused when a throttle is made? */
  prepared({ LIMITS }) {
    const algorithms = [
      ...ALGORITHMS,
      withBlock(once, { after: 1, windowMs: 1000, forMs: 1000, growth: 1, maxMs: 1000 }) as Algorithm,
    ];
    const errorOf = (algorithm: Algorithm, options: object): string | null => {
      const store = durableObjectStore({ namespace: LIMITS, ...options });
      const rate = algorithm.window === undefined ? "5/min" : { limit: 5 };
      try {
        createThrottle({ name: "rule", rate, algorithm } as Rule, { store });
        return null;
      } catch (error) {
        return (error as Error).message;
      }
    };
    return {
      known: algorithms.map((algorithm) => errorOf(algorithm, { object: Limits })),
      unknown: errorOf(once as Algorithm, {}),
    };
  },
};

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const route = routes[pathname.slice(1)];
    if (route === undefined) return new Response(null, { status: 404 });
    try {
      return Response.json(await route(env, searchParams));
    } catch (error) {
      return Response.json(`${(error as Error).stack}`, { status: 500 });
    }
  },
};
