/**
 * Runs tests that mostly wait in parallel, with a limit.
 *
 * @returns A function that wraps such a test: the first one starts all wrapped tests, in order, and each
 * waits for itself.
 */
export function lanes(width: number): (run: () => unknown) => () => Promise<void> {
  const ahead: (() => void)[] = [];
  const waiting: (() => void)[] = [];
  let free = width;

  async function inTurn(run: () => unknown): Promise<void> {
    if (free > 0) free--;
    else await new Promise<void>((come) => waiting.push(come));
    try {
      await run();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  }

  return (run) => {
    let outcome!: Promise<void>;
    ahead.push(() => {
      outcome = inTurn(run);
      outcome.catch(() => {}); // its own test reports it
    });
    return () => {
      for (const begin of ahead.splice(0)) begin();
      return outcome;
    };
  };
}
