"""Compares the calendar periods of src/rules/calendar.ts with Python's zoneinfo, which reads the system's time zones.

    node scripts/deno.mjs run -A --no-check tests/rules/calendar_starts.ts | python3 tests/rules/calendar_oracle.py

Not a part of `npm test`: it takes minutes, and time zone data of two origins may differ in what governments decided lately.
"""
import sys
from calendar import monthrange
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)


def start_of_day(day, zone):
    """The first moment of a date, epoch ms: midnight, the first of two, or the first moment that the clock shows after it."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    at = int(midnight.timestamp())
    if datetime.fromtimestamp(at, zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return at * 1000
    low, high = at - 48 * 3600, at + 48 * 3600
    while low < high:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, zone).date() < day:
            low = middle + 1
        else:
            high = middle
    return low * 1000


def dates(every, starts_on, first, last):
    """The dates on which periods begin."""
    day = first
    while day <= last:
        if every == "day":
            begins = True
        elif every == "week":
            begins = day.isoweekday() == starts_on
        elif every == "month":
            begins = day.day == min(starts_on, monthrange(day.year, day.month)[1])
        else:
            length = date(day.year, 12, 31).timetuple().tm_yday
            begins = day.timetuple().tm_yday == min(starts_on, length)
        if begins:
            yield day
        day += ONE_DAY


compared = 0
zones = set()
unknown = set()
wrong = []
for line in sys.stdin:
    if "\t" not in line:
        continue
    name, every, starts_on, times = line.rstrip("\n").split("\t")
    try:
        zone = ZoneInfo(name)
    except Exception:
        unknown.add(name)
        continue
    zones.add(name)
    got = [int(time) for time in times.split(" ")]
    first, last = (datetime.fromtimestamp(time / 1000, timezone.utc).date() for time in (got[0], got[-1]))
    wanted = [start_of_day(day, zone) for day in dates(every, int(starts_on), first - 2 * ONE_DAY, last + 2 * ONE_DAY)]
    # A date that was left out begins, and ends, with the next one.
    wanted = sorted({time for time in wanted if got[0] <= time <= got[-1]})
    compared += len(wanted)
    if got != wanted:
        for time in sorted(set(got) ^ set(wanted)):
            here = datetime.fromtimestamp(time / 1000, timezone.utc).isoformat()
            wrong.append((name, every, starts_on, here, "ours" if time in got else "Python's"))

print(f"{len(zones)} time zones, {compared} beginnings of periods, {len(wrong)} that one side alone has")
if unknown:
    print("without data:", ", ".join(sorted(unknown)))
by_zone = {}
for entry in wrong:
    by_zone.setdefault(entry[0], []).append(entry)
for name, entries in sorted(by_zone.items()):
    print(f"{name}: {len(entries)}, from {entries[0][3]} on, such as {entries[:2]}")
sys.exit(1 if wrong else 0)
