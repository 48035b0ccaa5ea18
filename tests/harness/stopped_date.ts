/**
 * Imported before a module that takes `Date.now` as it begins, it gives that module a clock which stands still.
 */
const { now: real } = Date;

/** The time that the clock says, epoch ms. */
export const now = { ms: 1_800_000_000_000 };

Date.now = () => now.ms;

/** Gives the rest of the process its clock back. */
export function restoreDate(): void {
  Date.now = real;
}
