import fc from "fast-check";
import {
  durableObjectStore,
  type ObjectNamespace,
  type ObjectState,
  ThrottleObject,
} from "../../../src/stores/durable_object/mod.ts";
import { walkBeside, walks } from "../../harness/model_walk.ts";

/** The Worker of durable_object_model_test.ts: it walks through objects whose time comes with each question. */

interface Env {
  readonly WALKED: ObjectNamespace;
}

const NOW = "x-now";

/** Objects by the clock of a walk. They forget nothing, as a clock that steps back brings states to life again. */
export class Walked extends ThrottleObject {
  readonly #setTime: (now: number) => void;

  constructor(state: ObjectState) {
    let now = 0;
    // An object takes `Date.now` when it is made.
    const { now: real } = Date;
    Date.now = () => now;
    super(state);
    Date.now = real;
    this.#setTime = (time) => now = time;
  }

  override async fetch(request: Request): Promise<Response> {
    this.#setTime(Number(request.headers.get(NOW)));
    return await super.fetch(request);
  }

  override async alarm(): Promise<void> {}
}

interface Asked {
  readonly method: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The same objects, by the time of a walk. */
function timed(namespace: ObjectNamespace, clock: () => number): ObjectNamespace {
  return {
    idFromName: (name) => namespace.idFromName(name),
    get(id) {
      const stub = namespace.get(id) as { fetch(url: string, init: Asked): Promise<Response> };
      return { fetch: (url, init) => stub.fetch(url, { ...init, headers: { [NOW]: `${clock()}` } }) };
    },
  };
}

/** @returns The number of decisions. */
async function walkThrough(namespace: ObjectNamespace, numRuns: number): Promise<number> {
  let now = 0;
  let decided = 0;
  const instances = Array.from(
    { length: 2 },
    () => durableObjectStore({ namespace: timed(namespace, () => now), timeoutMs: 60_000 }),
  );
  const same = fc.asyncProperty(walks, async (walk) => {
    decided += await walkBeside({ instances, setTime: (time) => now = time }, walk);
  });
  await fc.assert(same, { numRuns, endOnFailure: true });
  return decided;
}

export default {
  async fetch(request: Request, { WALKED }: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/walk") return new Response(null, { status: 404 });
    try {
      return Response.json(await walkThrough(WALKED, Number(searchParams.get("runs"))));
    } catch (error) {
      return Response.json(`${(error as Error).stack}`, { status: 500 });
    }
  },
};
