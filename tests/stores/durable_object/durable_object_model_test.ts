import { assert } from "@std/assert";
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

  it(
    "agrees in 1,200 random decisions of two instances, with corrections, peeks, shadows, slots, blocks and clocks that step back",
    { timeout: 600_000 },
    async () => {
      const response = await fetch(`${workerd.url}/walk?runs=20`);
      const decided = await response.json();
      assert(response.ok, decided);
      assert(decided >= 1200, `${decided}`);
    },
  );
});
