import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { metrics } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { describe, it } from "node:test";
import parsePrometheus from "parse-prometheus-text-format";
import {
  byHeader,
  byUser,
  concurrency,
  memoryStore,
  type Rule,
  type Store,
  throttleOf,
  type ThrottleOptions,
} from "../../mod.ts";
import { otel, type OtelOptions } from "../../src/otel/mod.ts";
import { faultyStore } from "../../src/testing/mod.ts";
import { freePort } from "../harness/free_port.ts";
import { serve } from "../harness/serve.ts";
import { throttled } from "../harness/throttled.ts";

/** The values that Prometheus reads, by name and labels, `name{a="b"}`; of a histogram how many there were, and their sum. */
function read(text: string): Record<string, number> {
  // The parser drops a histogram's labels; its lines are fit to be read one by one.
  const families = parsePrometheus(text.replace(/^# TYPE \S+ histogram$/gm, ""))
    .filter(({ name }) => name.startsWith("weir_") && !name.endsWith("_bucket"));
  return Object.fromEntries(families.flatMap(({ name, metrics }) =>
    metrics.map(({ value, labels = {} }) => {
      const shown = Object.entries(labels).filter(([label]) => !label.startsWith("otel_scope_"));
      return [`${name}{${shown.map(([label, text]) => `${label}="${text}"`).join()}}`, Number(value)];
    })
  ));
}

/** The same without the sums of histograms, which are of durations. */
function countsIn(metrics: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => !name.includes("_sum{")));
}

/** A meter, and what Prometheus would read of it. */
function metered() {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meter = new MeterProvider({ readers: [exporter] }).getMeter("test");
  async function text(): Promise<string> {
    const { resourceMetrics, errors } = await exporter.collect();
    assertEquals(errors, []);
    return new PrometheusSerializer().serialize(resourceMetrics);
  }
  return { meter, text, read: async () => read(await text()) };
}

/** A throttled handler whose metrics are kept. */
function kept(
  rules: Rule | readonly Rule[],
  options: ThrottleOptions = {},
  otelOptions: OtelOptions = {},
  handler?: (request: Request) => Response | Promise<Response>,
) {
  const { meter, ...rest } = metered();
  const observers = [otel({ meter, ...otelOptions })];
  return { ...rest, ...throttled(rules, { ...options, observers }, handler as () => Response) };
}

const decisions = (labels: string) => `weir_throttle_decisions_total{${labels}}`;

describe("otel", () => {
  it("counts decisions by rule, outcome and source, and verdicts by outcome", async () => {
    const { read, statuses } = kept([
      { name: "ip", rate: "3/min" },
      { name: "trial", rate: "1/min", mode: "shadow" },
      { name: "login", rate: "1/min", on: "POST /login" },
    ]);
    assertEquals(await statuses(4), [200, 200, 200, 429]);
    assertEquals(countsIn(await read()), {
      [decisions('rule="ip",outcome="allowed",source="store",mode="enforce"')]: 3,
      [decisions('rule="ip",outcome="denied",source="store",mode="enforce"')]: 1,
      [decisions('rule="trial",outcome="allowed",source="store",mode="shadow"')]: 1,
      [decisions('rule="trial",outcome="shadow-denied",source="store",mode="shadow"')]: 3,
      'weir_throttle_decision_duration_count{outcome="allowed"}': 3,
      'weir_throttle_decision_duration_count{outcome="denied"}': 1,
    });
  });

  it("counts which of a rule and its trial refuse", async () => {
    const { read, statuses } = kept(
      [
        { name: "api", rate: "3/min", trial: "2/min" },
        { name: "other", rate: "4/min" },
      ],
      {},
      { routes: true },
    );
    assertEquals(await statuses(5), [200, 200, 200, 429, 429]);
    const metrics = await read();
    const outcome = (name: string) =>
      metrics[`weir_throttle_trial_outcomes_total{rule="api",outcome="${name}"}`];
    assertEquals(["neither", "trial-only", "both", "live-only"].map(outcome), [2, 1, 2, undefined]);
    const shadow = 'rule="api+trial",outcome="shadow-denied",source="store",mode="shadow"';
    assertEquals(metrics[decisions(shadow)], 3);
  });

  it("tells what a rule skips, what a block refuses and what can never pass", async () => {
    const { read, statuses, send } = kept([
      { name: "user", rate: "9/min", key: byUser() },
      { name: "harsh", rate: "1/min", block: { after: 1, window: "1min", for: "1h" }, on: "/harsh" },
      { name: "huge", rate: "1/min", cost: 2, on: "/huge" },
    ], { authenticate: () => null });
    assertEquals(await statuses(3, "/harsh"), [200, 429, 429]);
    await send("/huge");
    const metrics = await read();
    assertEquals(metrics[decisions('rule="user",outcome="skipped"')], 1);
    assertEquals(metrics[decisions('rule="harsh",outcome="blocked",source="store",mode="enforce"')], 2);
    assertEquals(metrics[decisions('rule="huge",outcome="denied",source="rule",mode="enforce"')], 1);
  });

  it("tells of an outage: the store's failures, whether it fails now, and who decides meanwhile", async () => {
    let fails = true;
    const clock = { now: 0 };
    const working = memoryStore({ clock: () => clock.now });
    const store: Store = {
      ...working,
      clock: () => clock.now,
      decide(checks, spend) {
        if (fails) throw new Error("No store.");
        return working.decide(checks, spend);
      },
    };
    const { read, statuses } = kept([
      { name: "mild", rate: "9/min" },
      { name: "strict", rate: "9/min", onStoreFailure: "deny", on: "/strict" },
    ], { store });
    assertEquals(await statuses(1), [200]);
    assertEquals(await statuses(1, "/strict"), [503]);
    const during = await read();
    assertEquals(during["weir_throttle_store_failures_total{}"], 1);
    assertEquals(during["weir_throttle_store_failing{}"], 1);
    assertEquals(during[decisions('rule="mild",outcome="allowed",source="local",mode="enforce"')], 2);
    assertEquals(
      during[decisions('rule="strict",outcome="denied",source="denied-by-policy",mode="enforce"')],
      1,
    );
    fails = false;
    clock.now += 60_000;
    assertEquals(await statuses(1), [200]);
    const after = await read();
    assertEquals(after["weir_throttle_store_failures_total{}"], 1);
    assertEquals(after["weir_throttle_store_failing{}"], 0);
  });

  it("counts a store as failing though the throttle was made during an outage before", async () => {
    const store = faultyStore(memoryStore());
    store.fault = "reject";
    await throttled("9/min", { store }).statuses(1);
    const { read, statuses } = kept({ name: "late", rate: "9/min" }, { store });
    store.fault = null;
    assertEquals(await statuses(1), [200]);
    store.fault = "reject";
    assertEquals(await statuses(1), [200]);
    const during = await read();
    assertEquals(during["weir_throttle_store_failures_total{}"], 1);
    assertEquals(during["weir_throttle_store_failing{}"], 1);
  });

  it("counts errors of the user's functions, by rule, and those of authentication without", async () => {
    const broken = (): never => {
      throw new Error("broken");
    };
    const { read, send } = kept([
      { name: "mine", rate: "9/min", key: broken, on: "/key" },
      { name: "all", rate: "9/min" },
    ], { authenticate: broken });
    for (const path of ["/key", "/"]) await send(path).catch(() => {});
    const metrics = await read();
    assertEquals(metrics['weir_throttle_errors_total{rule="mine"}'], 1);
    assertEquals(metrics["weir_throttle_errors_total{}"], 1);
  });

  it("keeps what requests really cost, where that was corrected", async () => {
    const { read, statuses } = kept(
      { name: "tokens", rate: "1000/min", cost: 100 },
      {},
      {},
      async (request) => {
        await throttleOf(request)?.settle("tokens", 30);
        return new Response("answer");
      },
    );
    await statuses(3);
    const metrics = await read();
    assertEquals(metrics['weir_throttle_settled_cost_count{rule="tokens"}'], 3);
    assertEquals(metrics['weir_throttle_settled_cost_sum{rule="tokens"}'], 90);
  });

  it("knows the units in flight, and that they come free however a request ends", async () => {
    const bodies: ReadableStreamDefaultController[] = [];
    const { read, send } = kept(
      [
        { name: "slots", rate: { limit: 3 }, algorithm: concurrency({ lease: 60 }), cost: 1 },
        { name: "late", rate: "4/min", stage: "after-auth" },
      ],
      {},
      {},
      (request) => {
        if (request.url.endsWith("/throws")) throw new Error("broken");
        return new Response(new ReadableStream({ start: (controller) => void bodies.push(controller) }));
      },
    );
    const active = async () => (await read())['weir_throttle_concurrency_active{rule="slots"}'];
    const first = await send();
    const second = await send();
    assertEquals(await active(), 2);
    bodies[0].close();
    await first.text();
    assertEquals(await active(), 1);
    await second.body?.cancel();
    assertEquals(await active(), 0);
    await send("/throws").catch(() => {});
    assertEquals(await active(), 0);
    const fourth = await send();
    // Refused by the second stage, after the first gave it a slot.
    assertEquals((await send()).status, 429);
    assertEquals(await active(), 1);
    await fourth.body?.cancel();
    assertEquals(await active(), 0);
    assertEquals((await read())['weir_throttle_settled_cost_count{rule="slots"}'], undefined);
  });

  it("counts no unit as in flight that could not be given back", async () => {
    const working = memoryStore();
    const store: Store = {
      ...working,
      decide(checks, spend) {
        if (checks[0].since !== null) throw new Error("Out of reach.");
        return working.decide(checks, spend);
      },
    };
    const rule: Rule = { name: "slots", rate: { limit: 3 }, algorithm: concurrency({ lease: 60 }) };
    const { read, send } = kept({ ...rule, onStoreFailure: "allow" }, { store });
    await (await send()).text();
    assertEquals((await read())['weir_throttle_concurrency_active{rule="slots"}'], 0);
  });

  it("measures deciding and not authentication", async () => {
    const { now: real } = performance;
    let now = 0;
    const take = async (ms: number) => {
      await Promise.resolve();
      now += ms;
    };
    const working = memoryStore();
    const store: Store = {
      ...working,
      decide: async (checks, spend) => (await take(20), working.decide(checks, spend)),
    };
    const rules: Rule[] = [{ name: "ip", rate: "9/min" }, { name: "user", rate: "9/min", key: byUser() }];
    const authenticate = async () => (await take(1000), { id: "ann" });
    const { read, events, send } = kept(rules, { store, authenticate });
    performance.now = () => now;
    try {
      await send();
    } finally {
      performance.now = real;
    }
    const seconds = (await read())['weir_throttle_decision_duration_sum{outcome="allowed"}'];
    assertAlmostEquals(seconds, 0.04, 1e-9);
    const { durationMs } = events.find(({ type }) => type === "allowed")!;
    assertAlmostEquals(durationMs! / 1000, seconds, 1e-9);
  });

  it("tells routes where it is asked to: patterns, never paths", async () => {
    const rule: Rule = { name: "items", rate: "9/min", on: "/items/:id" };
    const { read, send } = kept([rule, { name: "user", rate: "9/min", key: byUser() }], {
      authenticate: () => null,
    }, { routes: true });
    await send("/items/12345");
    await send("/else");
    assertEquals(Object.keys(countsIn(await read())).filter((name) => name.includes("route")), [
      decisions('rule="user",outcome="skipped",route="/items/:id"'),
      decisions('rule="items",outcome="allowed",source="store",mode="enforce",route="/items/:id"'),
      'weir_throttle_decision_duration_count{outcome="allowed",route="/items/:id"}',
    ]);
  });

  it("has as many series as there are rules, whoever asks, and no key in them", async () => {
    const { read, text, send } = kept({ name: "agent", rate: "1/min", key: byHeader("x-agent") });
    for (let i = 0; i < 1000; i++) await send(`/path-${i}`, { headers: { "x-agent": `agent-${i}` } });
    assertEquals(Object.keys(await read()).length, 3);
    assert(!/agent-\d|path-\d|192\.0\.2/.test(await text()));
  });

  it("sums up several throttles", async () => {
    const { meter, read } = metered();
    const observer = otel({ meter });
    for (const name of ["a", "b"]) {
      await throttled({ name, rate: "9/min" }, { observers: [observer] }).send();
    }
    assertEquals((await read())['weir_throttle_decision_duration_count{outcome="allowed"}'], 2);
  });

  it("takes the global provider that there is at the first event, and none is no harm", async () => {
    const without = throttled("9/min", { observers: [otel()] });
    assertEquals(await without.statuses(1), [200]);
    const late = throttled({ name: "late", rate: "9/min" }, { observers: [otel()] });
    const exporter = new PrometheusExporter({ preventServerStart: true });
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
    try {
      await late.send();
    } finally {
      metrics.disable();
    }
    const text = new PrometheusSerializer().serialize((await exporter.collect()).resourceMetrics);
    assertEquals(read(text)[decisions('rule="late",outcome="allowed",source="store",mode="enforce"')], 1);
    assert(text.includes('otel_scope_name="@weir/throttle"'), text);
  });

  it("refuses what is no meter", () => {
    assertThrows(() => otel({ meter: {} as never }), TypeError, "meter must be an OpenTelemetry meter");
  });

  it("Prometheus scrapes it from the exporter's own server, while a real one is throttled", async () => {
    const port = await freePort(); // the exporter takes no 0 for one
    const exporter = new PrometheusExporter({ host: "127.0.0.1", port, preventServerStart: true });
    const meter = new MeterProvider({ readers: [exporter] }).getMeter("test");
    const { throttle } = throttled({ name: "ip", rate: "5/min" }, { observers: [otel({ meter })] });
    const server = await serve(throttle.wrap(() => new Response("hello")));
    await exporter.startServer();
    try {
      const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(server.url)));
      await Promise.all(answers.map((answer) => answer.text()));
      const scraped = await fetch(`http://127.0.0.1:${port}/metrics`);
      assertEquals(scraped.headers.get("content-type")?.startsWith("text/plain"), true);
      assertEquals(countsIn(read(await scraped.text())), {
        [decisions('rule="ip",outcome="allowed",source="store",mode="enforce"')]: 5,
        [decisions('rule="ip",outcome="denied",source="store",mode="enforce"')]: 3,
        'weir_throttle_decision_duration_count{outcome="allowed"}': 5,
        'weir_throttle_decision_duration_count{outcome="denied"}': 3,
      });
    } finally {
      await exporter.stopServer();
      await server.close();
    }
  });
});
