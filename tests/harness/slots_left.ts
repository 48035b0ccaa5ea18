import { setImmediate } from "node:timers";
import { concurrency, createThrottle, type Store } from "../../mod.ts";

/** More turns than a store takes to find out that it fails, where each of its rows comes a turn later. */
const TURNS = 100;

/**
 * Takes three slots, gives them back while a store fails, and asks three more times once it works: the first answer shows that
 * it is back, and the next finds what was kept.
 *
 * @param store With a deadline that no machine misses.
 * @param fail Begins and ends the fault.
 * @returns The slots that are free then.
 */
export async function slotsLeft(store: Store, fail: (isFailing: boolean) => void): Promise<number> {
  const throttle = createThrottle(
    { name: "slots", rate: { limit: 3 }, algorithm: concurrency({ lease: "1h" }) },
    { store, client: { address: () => "192.0.2.1" } },
  );
  const ask = () => throttle.check(new Request("https://example.com/"));
  const asked = [await ask(), await ask(), await ask()];
  fail(true);
  for (const outcome of asked) await outcome.label(new Response("done")).text();
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resume) => setImmediate(resume));
  fail(false);
  for (let i = 0; i < 3; i++) await (await ask()).label(new Response("done")).text();
  return (await throttle.usage("slots", "192.0.2.1")).remaining;
}
