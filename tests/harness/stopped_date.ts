/**
 * Gives a stopped clock to modules that read `Date.now` at import. Import it before them.
 */
const { now: real } = Date;

/** The time of the clock, epoch ms. */
export const now = { ms: 1_800_000_000_000 };

Date.now = () => now.ms;

/** Restores the clock for the rest of the process. */
export function restoreDate(): void {
  Date.now = real;
}
