import { type ObjectState, ThrottleObject } from "../../../src/stores/durable_object/mod.ts";

/** The Worker of durable_object_outage_test.ts: it passes questions on to objects that fail where a question says so. */

interface Env {
  readonly FAULTY: {
    idFromName(name: string): unknown;
    get(id: unknown): { fetch(request: Request): Promise<Response> };
  };
}

/** A fault that a question asks for by its header. */
export type ObjectFault = "throws" | "restarts" | "never answers" | "answers late";

/** A time that no test waits for, in ms. */
const NEVER_MS = 600_000;

const pause = (ms: number): Promise<void> => new Promise((over) => setTimeout(over, ms));

export class Faulty extends ThrottleObject {
  readonly #restart: () => void;

  constructor(state: ObjectState & { abort(reason: string): void }) {
    super(state);
    this.#restart = () => state.abort("it starts again");
  }

  override async fetch(request: Request): Promise<Response> {
    const fault = request.headers.get("x-fault") as ObjectFault | null;
    if (fault === "throws") throw new Error("the object failed");
    if (fault === "restarts") this.#restart();
    if (fault === "never answers") await pause(NEVER_MS);
    const answer = await super.fetch(request);
    if (fault === "answers late") await pause(Number(request.headers.get("x-late-ms")));
    return answer;
  }
}

export default {
  async fetch(request: Request, { FAULTY }: Env): Promise<Response> {
    const name = new URL(request.url).searchParams.get("name");
    if (name === null) return new Response(null, { status: 404 });
    try {
      return await FAULTY.get(FAULTY.idFromName(name)).fetch(request);
    } catch (error) {
      return new Response((error as Error).message, { headers: { "x-thrown": "yes" } });
    }
  },
};
