import { assert } from "@std/assert";

/** Lets some ms pass. */
export function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms));
}

/** How long anything may take, in ms: no test is about that, so this only ends what hangs. */
const LONGEST = 30_000;

/** Waits until it is so: a server hears of a client's end a little later than the client. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const begun = performance.now();
  while (!await isSo()) {
    assert(performance.now() - begun < LONGEST, "It never came to be so");
    await pause(10);
  }
}
