/** Time zones, and where their days begin by Temporal: a computation that has nothing to do with ours. */

interface Zoned {
  readonly epochMilliseconds: number;
  getTimeZoneTransition(direction: "next"): Zoned | null;
  toPlainDate(): { readonly year: number; readonly month: number; readonly day: number };
}

/** The parts of Temporal that are used, which not every runtime has. */
interface Temporal {
  readonly PlainDate: new (
    year: number,
    month: number,
    day: number,
  ) => { toZonedDateTime(timeZone: string): Zoned };
  readonly Instant: { fromEpochMilliseconds(time: number): { toZonedDateTimeISO(timeZone: string): Zoned } };
}

const { Temporal } = globalThis as { Temporal?: Temporal };

/** The `skip` of a test that needs Temporal. */
export const withoutTemporal: string | false = Temporal === undefined && "this runtime has no Temporal";

/** 200 time zones from all over the list. */
export const ZONES: readonly string[] = Intl.supportedValuesOf("timeZone").filter((_, i, all) =>
  Math.floor(i * 200 / all.length) !== Math.floor((i - 1) * 200 / all.length)
);

function zoned(timeZone: string, time: number): Zoned {
  return Temporal!.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(timeZone);
}

/** The first moment of a date in a time zone, epoch ms. */
export function zonedStart(timeZone: string, date: Date): number {
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
  return new Temporal!.PlainDate(year, month, day).toZonedDateTime(timeZone).epochMilliseconds;
}

/** The date that a time zone's calendar shows at a time, as its midnight in UTC. */
export function dateIn(timeZone: string, time: number): Date {
  const { year, month, day } = zoned(timeZone, time).toPlainDate();
  return new Date(Date.UTC(year, month - 1, day));
}

/** The times at which a time zone's clocks change, epoch ms. */
export function transitions(timeZone: string, from: number, to: number): readonly number[] {
  const found: number[] = [];
  for (let next = zoned(timeZone, from).getTimeZoneTransition("next"); next !== null;) {
    if (next.epochMilliseconds >= to) break;
    found.push(next.epochMilliseconds);
    next = next.getTimeZoneTransition("next");
  }
  return found;
}
