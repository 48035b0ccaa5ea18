/** Waits for some ms. */
export function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms));
}

/** The longest wait, in ms: no test depends on it, it only ends tests that hang. */
const MAX_WAIT_MS = 30_000;
/** The longest time between two looks, in ms: the first ones follow quickly, as most waits are for a message under way. */
const MAX_PAUSE_MS = 10;

/**
 * Waits until a condition is true: a server sees that a client is gone a little later than the client.
 *
 * @throws {Error} When it never is. Not by an assertion: programs that import this run where no test's packages are.
 */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const begun = performance.now();
  for (let ms = 1; !await isSo(); ms = Math.min(2 * ms, MAX_PAUSE_MS)) {
    if (performance.now() - begun > MAX_WAIT_MS) throw new Error("It never came to be so");
    await pause(ms);
  }
}
