/** Several sets of rules in one pass, and the server's own refusals. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "node:test";
import { byGlobal, slidingLog } from "../../mod.ts";
import { type LoggedRequest, readLog, replay } from "../../src/replay/mod.ts";
import { bruteForce, combinedLog, type PlainRule, seededHits } from "./brute_force.ts";
import { chunksOf } from "./logs.ts";

const AT = Date.UTC(2026, 10, 29, 4, 30);
const logged = (ms: number, more: Partial<LoggedRequest> = {}): LoggedRequest => ({
  ...{ at: AT + ms, method: "GET", url: "http://localhost/", address: "192.0.2.1" },
  ...more,
});

/** Which requests a set refuses: those by which the refusals of the requests up to them grow. */
function verdicts(hits: ReturnType<typeof seededHits>, rules: readonly PlainRule[]): boolean[] {
  const counts = hits.map((_, i) => bruteForce(hits.slice(0, i + 1), rules).refused);
  return counts.map((count, i) => count > (counts[i - 1] ?? 0));
}

describe("replay, compare", () => {
  it("counts who differs as a count by hand does", async () => {
    const one: PlainRule = { algorithm: "fixed", limit: 3, windowMs: 10_000, on: "/api/*" };
    const other: PlainRule = { algorithm: "log", limit: 5, windowMs: 60_000, on: null };
    for (const seed of [1, 2, 3]) {
      const hits = seededHits(seed, 150);
      const [first, second] = [verdicts(hits, [one]), verdicts(hits, [other])];
      const numberOf = (holds: (i: number) => boolean) => hits.filter((_, i) => holds(i)).length;
      const { refused, compared = [] } = await replay(readLog(chunksOf(combinedLog(hits))), {
        rules: { rate: "3/10s", on: "/api/*" },
        compare: { next: { rules: { rate: "5/min", algorithm: slidingLog() } } },
      });
      const [next] = compared;
      assertEquals([compared.length, next.name], [1, "next"]);
      assertEquals(refused, numberOf((i) => first[i]));
      assertEquals(next.report.refused, numberOf((i) => second[i]));
      assertEquals(next.both, numberOf((i) => first[i] && second[i]));
      assertEquals(next.onlyRules, numberOf((i) => first[i] && !second[i]));
      assertEquals(next.onlyThis, numberOf((i) => !first[i] && second[i]));
      const differ = new Set(hits.filter((_, i) => first[i] !== second[i]).map(({ client }) => client));
      assertEquals(next.differing, differ.size);
      assertEquals(new Set(next.clients.map(({ key }) => key)), differ);
      for (const client of next.clients) {
        assertEquals(client.rules, numberOf((i) => first[i] && hits[i].client === client.key));
        assertEquals(client.this, numberOf((i) => second[i] && hits[i].client === client.key));
      }
      assert(next.onlyRules + next.onlyThis > 0 && next.routes.length > 0);
    }
  });

  it("decides each set by itself: one that waits, and one that fails on a request", async () => {
    const requests = [logged(0), logged(1), logged(2, { address: null })];
    const { refused, compared } = await replay(requests, {
      rules: "1/min",
      compare: {
        later: { rules: { name: "later", rate: () => Promise.resolve("2/min") } },
        all: { rules: { name: "all", rate: "9/min", key: byGlobal() } },
      },
    });
    assertEquals(refused, 1);
    assertEquals(compared?.map(({ onlyRules, onlyThis, report }) => [onlyRules, onlyThis, report.failed]), [
      [1, 0, 1],
      [1, 0, 0],
    ]);
  });

  it("has no comparison where none is asked for, and refuses what is no set", async () => {
    assertEquals("compared" in await replay([], { rules: "1/min" }), false);
    await assertRejects(
      () => replay([], { rules: "1/min", compare: "x" as never }),
      TypeError,
      "compare must be",
    );
  });
});

describe("replay, reports", () => {
  it("says of the server's own refusals which requests and clients the rules refuse too", async () => {
    const thief = { address: "198.51.100.9" };
    const requests = [
      logged(0, { ...thief, status: 401 }),
      logged(1, { ...thief, status: 401 }),
      logged(2, { ...thief, status: 429 }),
      logged(3, { status: 401 }),
      logged(4, { address: "192.0.2.2", status: 403 }),
      logged(5, { address: "192.0.2.2", status: 200 }),
      logged(6, { address: "192.0.2.2", status: 404 }),
    ];
    const { serversRefusals } = await replay(requests, { rules: "1/min" });
    assertEquals(serversRefusals, [
      { status: 401, requests: 3, refused: 1, clients: 2, refusedClients: 1 },
      { status: 403, requests: 1, refused: 0, clients: 1, refusedClients: 1 },
      { status: 429, requests: 1, refused: 1, clients: 1, refusedClients: 1 },
    ]);
  });

  it("counts over time in steps that suit the length of the log, and loses none", async () => {
    for (const [everyMs, stepMs] of [[100, 1000], [10_000, 60_000], [3_600_000, 6 * 3_600_000]]) {
      const requests = Array.from({ length: 1000 }, (_, i) => logged(i * everyMs));
      const { overTime, refused, worst } = await replay(requests, { rules: "1/45min" });
      assertEquals(overTime.stepMs, stepMs);
      const sum = (name: "asked" | "refused") => overTime.steps.reduce((all, step) => all + step[name], 0);
      assertEquals([sum("asked"), sum("refused")], [1000, refused]);
      assert(overTime.steps.length <= 241, String(overTime.steps.length));
      assert(overTime.steps.every(({ at }) => Date.parse(at) % stepMs === 0));
      assertEquals(worst, refused === 0 ? [] : [{ key: "192.0.2.1", requests: 1000, refused }]);
    }
  });

  it("says that a sample has fewer requests than came, and that logTo has the refused ones alone", async () => {
    const text =
      '{"event":"denied","at":"2026-11-29T04:30:00.000Z","rule":"a","route":"/a","method":"GET","key":"192.0.2.7"}\n';
    const { limitations } = await replay(readLog(chunksOf(text)), { rules: "1/min" });
    assert(limitations.some((sentence) => sentence.startsWith("A log that is a sample")), limitations.join());
    assert(limitations.some((sentence) => sentence.startsWith("Lines of logTo() are")), limitations.join());
  });
});
