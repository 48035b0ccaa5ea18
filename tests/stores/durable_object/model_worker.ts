import fc from "fast-check";
import {
  durableObjectStore,
  type ObjectNamespace,
  type ObjectState,
  ThrottleObject,
} from "../../../src/stores/durable_object/mod.ts";
import { forwardWalks, walkBeside, walks } from "../../harness/walks.ts";

/** The Worker of durable_object_model_test.ts: it walks through objects whose time comes with each question. */

interface Env {
  readonly WALKED: ObjectNamespace;
}

const NOW = "x-now";
const ALARM = "x-alarm";

/** Objects by the clock of a walk, whose alarms are the walk's too. */
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
    if (request.headers.has(ALARM)) await super.alarm();
    return await super.fetch(request);
  }

  /** By the clock of the machine, which is not the walk's. */
  override async alarm(): Promise<void> {}
}

interface Asked {
  readonly method: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The same objects, by the time of a walk; with an alarm whenever the clock has gone on, or with none. */
function timed(namespace: ObjectNamespace, clock: () => number, hasAlarms: boolean): ObjectNamespace {
  let alarmedAt = 0;
  return {
    idFromName: (name) => namespace.idFromName(name),
    get(id) {
      const stub = namespace.get(id) as { fetch(url: string, init: Asked): Promise<Response> };
      const alarm = hasAlarms && clock() !== alarmedAt ? { [ALARM]: "due" } : {};
      alarmedAt = clock();
      return {
        fetch: (url, init) => stub.fetch(url, { ...init, headers: { [NOW]: `${clock()}`, ...alarm } }),
      };
    },
  };
}

/**
 * @param hasAlarms Do objects forget what is over? Where a clock steps back, and where a limit changes, the model knows it still.
 * @returns The number of decisions.
 */
async function walkThrough(
  namespace: ObjectNamespace,
  numRuns: number,
  hasAlarms: boolean,
): Promise<number> {
  let now = 0;
  let decided = 0;
  const instances = Array.from(
    { length: 2 },
    () => durableObjectStore({ namespace: timed(namespace, () => now, hasAlarms), timeoutMs: 60_000 }),
  );
  const same = fc.asyncProperty(hasAlarms ? forwardWalks : walks, async (walk) => {
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
      return Response.json(
        await walkThrough(WALKED, Number(searchParams.get("runs")), searchParams.has("alarms")),
      );
    } catch (error) {
      return Response.json(`${(error as Error).stack}`, { status: 500 });
    }
  },
};
