/** Timing of many calls in one process. */
/** Calls of a batch: short enough that most batches are not interrupted by another process. */
const BATCH = 250;
/** Batches before the first one that counts: some code is compiled for the last time after 80,000 calls, on Bun. */
const WARM_UP = 600;

/**
 * Ns a call, by the batch in the middle of all: most batches see no garbage collection, which would mostly be that of the
 * Requests and Responses made for them.
 *
 * @param prepare Makes the argument of one call; not timed.
 * @param call What is timed. What it gives is awaited only if it is a promise.
 * @param batches How many are timed, after those that warm up.
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
 * A function of its own: what engines make of a loop that prepares and calls depends on both, and a server's requests come
 * from outside of what calls the handler.
 */
async function callAll(call, batch) {
  for (let i = 0; i < batch.length; i++) {
    const answer = call(batch[i]);
    if (typeof answer?.then === "function") await answer;
  }
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
