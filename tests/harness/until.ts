import { assert } from "@std/assert";

/** Lets some ms pass. */
export function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms));
}

/** Waits until it is so: a server hears of a client's end a little later than the client. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !await isSo(); tries++) {
    assert(tries < 200, "It never came to be so");
    await pause(10);
  }
}
