/** The queue of callers that wait for quotas. */
import { assertEquals } from "@std/assert";
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
});
