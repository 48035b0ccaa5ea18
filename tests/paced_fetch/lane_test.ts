/** The queue of callers that wait for quotas. */
import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "node:test";
import { newLane } from "../../src/paced_fetch/lane.ts";
import { withFakeTimers } from "../harness/fake_timers.ts";

const DAY_MS = 86_400_000;

describe("a lane", () => {
  it("looks again after a day at most, also where its clock was set back by more than a timer can wait", () => {
    withFakeTimers(0, (time) => {
      let now = 100 * DAY_MS;
      let looks = 0;
      const clock = () => {
        looks++;
        return now;
      };
      const lane = newLane([], clock, () => 0, true);
      lane.hear(1000, now, now);
      now -= 60 * DAY_MS;
      lane.wait(Infinity, null);
      assertEquals(looks, 1);
      time.advance(DAY_MS);
      assertEquals(looks, 2);
    });
  });

  it("lets those behind a caller that gives up go on, or say at once that they cannot", async () => {
    const lane = newLane([], () => 0, () => 0, true);
    lane.hear(60_000, 0, 0);
    const patient = new AbortController();
    const first = lane.wait(Infinity, patient.signal);
    const second = lane.wait(500, null);
    patient.abort(new Error("gone"));
    await assertRejects(() => first, Error, "gone");
    assertEquals(await second, null);
  });

  it("forgets the signal of a caller that went", async () => {
    const gone = new AbortController();
    let wentAt: number | null = null;
    withFakeTimers(0, (time) => {
      const lane = newLane([], () => time.now, () => 0, true);
      lane.wait(Infinity, gone.signal);
      lane.hear(1000, time.now, time.now);
      lane.wait(Infinity, null).then((at) => wentAt = at);
      gone.abort();
      time.advance(2000);
    });
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(wentAt, 1000);
  });
});
