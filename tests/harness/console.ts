type Method = "warn" | "error";

/** The texts that are written to the console, which stays silent. */
export interface Written {
  /** The words of each call. */
  readonly calls: readonly (readonly unknown[])[];
  /** The same as texts. */
  readonly lines: readonly string[];
}

/** Listens to these methods of the console until `stop`. */
export function listenToConsole(...methods: readonly Method[]): Written & { stop(): void } {
  const { warn, error } = console;
  const calls: unknown[][] = [];
  const lines: string[] = [];
  for (const method of methods) {
    console[method] = (...words: unknown[]) => {
      calls.push(words);
      lines.push(words.map(String).join(" "));
    };
  }
  return { calls, lines, stop: () => void Object.assign(console, { warn, error }) };
}

/** The texts that are written by these methods of the console until an act is over. */
export function writtenDuring(act: () => Promise<unknown>, ...methods: readonly Method[]): Promise<Written>;
export function writtenDuring(act: () => unknown, ...methods: readonly Method[]): Written;
export function writtenDuring(act: () => unknown, ...methods: readonly Method[]): unknown {
  const { stop, ...written } = listenToConsole(...methods);
  let isOver = true;
  try {
    const acted = act();
    if (!(acted instanceof Promise)) return written;
    isOver = false;
    return acted.finally(stop).then(() => written);
  } finally {
    if (isOver) stop();
  }
}
