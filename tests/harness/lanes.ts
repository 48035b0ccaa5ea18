/**
 * Lets tests that mostly wait do so side by side, so many at a time.
 *
 * @returns Takes such a test and gives it back as one that begins all that were taken, in their order, and waits for itself.
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
      outcome.catch(() => {}); // its own test tells
    });
    return () => {
      for (const begin of ahead.splice(0)) begin();
      return outcome;
    };
  };
}
