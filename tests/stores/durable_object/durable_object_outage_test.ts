import { after, before } from "node:test";
import { durableObjectStore, type ObjectNamespace } from "../../../src/stores/durable_object/mod.ts";
import {
  DEADLINE_MS,
  type Expectation,
  itWithstands,
  type OutageTrial,
  printOutages,
} from "../../harness/outage_trials.ts";
import { describeOnNode } from "../../harness/runtime.ts";
import { startWorkerd, type Workerd } from "../../harness/workerd.ts";
import type { ObjectFault } from "./outage_worker.ts";

/** The ways in which Durable Objects fail, in workerd, under load, for every policy. */

describeOnNode("a Durable Object fails", () => {
  let workerd: Workerd;
  before(async () => {
    workerd = await startWorkerd("tests/stores/durable_object/outage_worker.ts", { FAULTY: "Faulty" });
  });
  after(() => workerd.stop());

  /** The objects of a Worker, from outside of it. */
  function objects(prefix: string, faultNow: () => ObjectFault | null): ObjectNamespace {
    return {
      idFromName: (name) => prefix + name,
      get: (name: string) => ({
        async fetch(_url, init) {
          const fault = faultNow();
          const response = await fetch(`${workerd.url}/?${new URLSearchParams({ name })}`, {
            ...init,
            headers: fault === null ? {} : { "x-fault": fault, "x-late-ms": `${DEADLINE_MS + 150}` },
          });
          // A call to an object that fails is rejected.
          if (response.headers.has("x-thrown")) throw new Error(await response.text());
          return response;
        },
      }),
    };
  }

  const FAULTS: readonly (readonly [ObjectFault, Expectation?])[] = [
    ["throws"],
    ["restarts"],
    ["never answers"],
    ["answers late", { mayCharge: true }],
  ];
  itWithstands(
    FAULTS.map(([name, expectation]): OutageTrial => ({
      fault: `Durable Object: ${name}`,
      expectation,
      prepare() {
        let fault: ObjectFault | null = null;
        return Promise.resolve({
          outage: { begin: () => fault = name, end: () => fault = null },
          storeFor: (policy) =>
            durableObjectStore({
              namespace: objects(`${name} ${policy} `, () => fault),
              timeoutMs: DEADLINE_MS,
            }),
        });
      },
    })),
    1,
  );
  after(printOutages);
});
