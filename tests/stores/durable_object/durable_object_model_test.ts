import { assert, assertEquals } from "@std/assert";
import { after, before, it } from "node:test";
import { describeOnNode } from "../../harness/runtime.ts";
import { startWorkerd, type Workerd } from "../../harness/workerd.ts";

// The objects, and the model beside them, are in workerd, whichever runtime runs this file.
describeOnNode("durableObjectStore beside decideChecks over a Map, in workerd", () => {
  let workerd: Workerd;
  before(async () => {
    workerd = await startWorkerd("tests/stores/durable_object/model_worker.ts", { WALKED: "Walked" }, [
      "nodejs_compat",
    ]);
  });
  after(() => workerd.stop());

  async function walk(query: string): Promise<number> {
    const response = await fetch(`${workerd.url}/walk?${query}`);
    const decided = await response.json();
    assert(response.ok, decided);
    return decided;
  }

  it(
    "agrees in 1,000 random decisions of two instances, with corrections, peeks, shadows, slots, blocks and clocks that step back",
    { timeout: 600_000 },
    async () => assertEquals(await walk("runs=10"), 1000),
  );

  it(
    "agrees in 300 random decisions where alarms remove what is over",
    { timeout: 600_000 },
    async () => assertEquals(await walk("runs=3&alarms"), 300),
  );
});
