/** Calendar periods as a list of their beginnings. */
import { assertEquals } from "@std/assert";
import { describe, it } from "node:test";
import { endOf, windowOf } from "../../src/algorithms/periods.ts";
import { policyOf } from "../harness/algorithms.ts";

describe("the window that contains a charge", () => {
  const calendar = { ...policyOf(1, 1000), boundaries: [0, 10, 25] };
  const table: [
    title: string,
    policy: typeof calendar | ReturnType<typeof policyOf>,
    at: number,
    number[],
  ][] = [
    ["is the policy's without a calendar", policyOf(1, 1000), 12, [1000, 1012]],
    ["is its period", calendar, 12, [15, 25]],
    ["is the period that begins with it", calendar, 10, [15, 25]],
    ["is the policy's before the first boundary", calendar, -5, [1000, 995]],
    ["is the policy's after the last boundary", calendar, 30, [1000, 1030]],
  ];
  for (const [title, policy, at, expected] of table) {
    it(title, () => assertEquals([windowOf(policy, at), endOf(policy, at)], expected));
  }
});
