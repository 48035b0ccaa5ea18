/** Times many calls in one process. */

/** Calls per batch: few enough that most batches are not interrupted by another process. */
const BATCH = 250;
/** Batches of warm-up: Bun compiles some code for the last time after 80,000 calls. */
const WARM_UP = 600;

/**
 * Ns per call of the median batch: most batches see no garbage collection, whose cost would mostly come from
 * the Requests and Responses made for them.
 *
 * @param prepare Makes the argument of one call; not timed.
 * @param call The timed function. Its result is awaited only if it is a promise.
 * @param batches The number of timed batches, after the warm-up.
 */
export async function timed(prepare, call, batches) {
  const batch = new Array(BATCH);
  const times = [];
  for (let n = -WARM_UP; n < batches; n++) {
    for (let i = 0; i < BATCH; i++) batch[i] = prepare();
    const start = performance.now();
    await callAll(call, batch);
    if (n >= 0) times.push(performance.now() - start);
  }
  return median(times) * 1e6 / BATCH;
}

/**
 * A separate function: the compiled code of a loop that prepares and calls depends on both, while a server's
 * requests come from outside of the code that calls the handler.
 */
async function callAll(call, batch) {
  for (let i = 0; i < batch.length; i++) {
    const answer = call(batch[i]);
    if (typeof answer?.then === "function") await answer;
  }
}

/** The median; of an even number the mean of the two in the middle. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
