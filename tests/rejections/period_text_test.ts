/** Quotas by the calendar in sentences that people read. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "node:test";
import {
  createThrottle,
  type Every,
  limitsHandler,
  problemJson,
  type Rate,
  type RefusingDecision,
  type Rule,
} from "../../mod.ts";
import { describe as describeApi } from "../../src/openapi/mod.ts";
import { client, requestTo, throttled } from "../harness/throttled.ts";

/** By the unit: a rate, and a time in a period that is longer or shorter than others of its unit. */
const RATES: readonly (readonly [Every, Rate, now: string])[] = [
  ["day", { limit: 1, every: "day", timeZone: "Europe/Berlin" }, "2027-03-28T12:00Z"],
  ["week", { limit: 1, every: "week", timeZone: "America/New_York" }, "2027-11-05T12:00Z"],
  ["month", "1/month", "2027-02-10T12:00Z"],
  ["month", "1/month", "2027-01-10T12:00Z"],
  ["year", { limit: 1, every: "year", startsOn: 91 }, "2028-02-10T12:00Z"],
];
/** Each rate as it is, and from a function. */
const RULES = RATES.flatMap(([every, rate, now]) =>
  [rate, () => rate].map((own): [Every, Rule, now: string] => [every, { name: "plan", rate: own }, now])
);
const titleOf = (rule: Rule, now: string) =>
  `${now}${typeof rule.rate === "function" ? " by a rate from a function" : ""}`;

describe("a quota by the calendar", () => {
  for (const [every, rule, now] of RULES) {
    it(`is per ${every} in the detail, the page and the explanation at ${titleOf(rule, now)}`, async () => {
      const { throttle, clock, send } = throttled(rule);
      clock.now = Date.parse(now);
      const accept = { headers: { accept: "text/html" } };
      await send();
      const { detail } = await (await send()).json();
      assertEquals(detail.split(";")[0], `1 request per ${every}`);
      const page = await (await limitsHandler(throttle)(requestTo("/", accept))).text();
      assertStringIncludes(page, `<span>1 request per ${every}</span>`);
      assertStringIncludes((await throttle.explain(requestTo())).text, `"plan" (1 per ${every}) applies`);
    });
  }

  it("is per month in the example of a document", () => {
    const document = JSON.stringify(describeApi(createThrottle("1/month", { client })));
    assertStringIncludes(document, "1 request per month; try again in 31 days");
  });

  it("has its unit where one's own function makes the detail, and other quotas have none", async () => {
    const detail = ({ every, limit }: RefusingDecision) => `${limit} per ${every}`;
    for (const [rate, sentence] of [["1/month", "1 per month"], ["1/day", "1 per undefined"]] as const) {
      const { send } = throttled(rate, { reject: problemJson({ detail }) });
      await send();
      assertEquals((await (await send()).json()).detail, sentence);
    }
  });

  it("is of a length where the window has one, though it be that of a month", async () => {
    const { throttle, send } = throttled({ name: "long", rate: { limit: 1, window: "31d" } });
    await send();
    assertStringIncludes((await (await send()).json()).detail, "1 request per 31 days;");
    assertStringIncludes((await throttle.explain(requestTo())).text, '"long" (1 per 31 d) applies');
  });
});
