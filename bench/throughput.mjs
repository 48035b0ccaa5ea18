/**
 * Decisions per second with that many at once, and the time that 99 of 100 stay under, in ms.
 *
 * @param decide Decides about a client.
 * @param client Gives the next one.
 */
export async function throughput(decide, client, atOnce, ms) {
  const start = performance.now();
  const end = start + ms;
  const times = [];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let begun = start; begun < end;) {
      await decide(client());
      const now = performance.now();
      times.push(now - begun);
      begun = now;
    }
  }));
  const rate = times.length / (performance.now() - start) * 1000;
  times.sort((a, b) => a - b);
  return { rate, p99: times[Math.ceil(times.length * 0.99) - 1] };
}
