/**
 * What throttles do, as OpenTelemetry metrics.
 *
 * | Instrument | Kind | Attributes |
 * | --- | --- | --- |
 * | `weir.throttle.decisions` | counter | `rule`, `outcome`, `source`, `mode` |
 * | `weir.throttle.decision.duration` | histogram, s | `outcome` |
 * | `weir.throttle.settled.cost` | histogram, units | `rule` |
 * | `weir.throttle.concurrency.active` | up-down counter, units | `rule` |
 * | `weir.throttle.store.failures` | counter | |
 * | `weir.throttle.store.failing` | up-down counter, stores | |
 * | `weir.throttle.errors` | counter | `rule`, where it is a rule's |
 *
 * A decision is one rule's on one request; its `outcome` is `allowed`, `denied`, `blocked`, `shadow-denied` or, with no
 * `source` and `mode`, `skipped`; its `source` says who decided: `store`, `local` and `denied-by-policy` tell an outage.
 * The duration is that of a request's verdict, `allowed` or `denied`, without its authentication. There are as many series
 * as your rules make, whoever asks: no key, no address and no path is in them.
 *
 * @module
 */

import { metrics } from "@opentelemetry/api";
import type { Decision } from "../decision.ts";
import { ExchangeEvent, type Observer, type ThrottleEvent } from "../observers/events.ts";
import { BOOLEAN, having, requireOptions } from "../options.ts";
import { holds } from "../exchange/rule_check.ts";
import type { RuleCheck } from "../exchange/exchange.ts";

/** What is said with a number. */
export type MetricAttributes = Record<string, string>;

/** What an instrument is made with; as much of OpenTelemetry's as is used here. */
export interface InstrumentOptions {
  /** What it measures. */
  description?: string;
  /** In UCUM: "s", "{decision}". */
  unit?: string;
  /** Hints for the SDK: where the buckets of a histogram end. */
  advice?: { explicitBucketBoundaries?: number[] };
}

/** A counter, one that only grows or one that goes up and down. */
export interface CounterLike {
  /** Adds to what is counted with these attributes. */
  add(value: number, attributes?: MetricAttributes): void;
}

/** A histogram. */
export interface HistogramLike {
  /** Takes in one measurement. */
  record(value: number, attributes?: MetricAttributes): void;
}

/** As much of OpenTelemetry's `Meter` as {@link otel} uses; the real one fits. */
export interface MeterLike {
  /** Makes a counter that only grows. */
  createCounter(name: string, options?: InstrumentOptions): CounterLike;
  /** Makes a counter that goes up and down. */
  createUpDownCounter(name: string, options?: InstrumentOptions): CounterLike;
  /** Makes a histogram. */
  createHistogram(name: string, options?: InstrumentOptions): HistogramLike;
}

/** What {@link otel} can be told. */
export interface OtelOptions {
  /** Where the instruments are made. Default: the meter "@weir/throttle" of the global provider there is at the first event. */
  meter?: MeterLike;
  /** Decisions and durations have the attribute `route` too: the pattern, such as "/items/:id", where one matched. Default false. */
  routes?: boolean;
}

/** Ends of the buckets of durations, s: from a decision in memory to a store's deadline and beyond. */
const DURATIONS = [
  0.00001,
  0.00005,
  0.0001,
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
];

/** Ends of the buckets of costs, units. */
const COSTS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000, 1_000_000];

interface Instruments {
  readonly decisions: CounterLike;
  readonly duration: HistogramLike;
  readonly settledCost: HistogramLike;
  readonly active: CounterLike;
  readonly storeFailures: CounterLike;
  readonly storeFailing: CounterLike;
  readonly errors: CounterLike;
}

function instrumentsOf(meter: MeterLike): Instruments {
  return {
    decisions: meter.createCounter("weir.throttle.decisions", {
      description: "Decisions of rules on requests.",
      unit: "{decision}",
    }),
    duration: meter.createHistogram("weir.throttle.decision.duration", {
      description: "Time to the verdict on a request, without its authentication.",
      unit: "s",
      advice: { explicitBucketBoundaries: DURATIONS },
    }),
    settledCost: meter.createHistogram("weir.throttle.settled.cost", {
      description: "What requests really cost, where a charge was corrected.",
      unit: "{unit}",
      advice: { explicitBucketBoundaries: COSTS },
    }),
    active: meter.createUpDownCounter("weir.throttle.concurrency.active", {
      description: "Units that requests hold while they are in flight.",
      unit: "{unit}",
    }),
    storeFailures: meter.createCounter("weir.throttle.store.failures", {
      description: "Times that a store began to fail.",
      unit: "{failure}",
    }),
    storeFailing: meter.createUpDownCounter("weir.throttle.store.failing", {
      description: "Stores that fail now.",
      unit: "{store}",
    }),
    errors: meter.createCounter("weir.throttle.errors", {
      description: "Errors of keys, rates, costs, authentication and corrections.",
      unit: "{error}",
    }),
  };
}

const METER = /* @__PURE__ */ having("createCounter", "an OpenTelemetry meter");

function outcomeOf({ allowed, mode, blocked }: Decision): string {
  if (allowed) return "allowed";
  if (mode === "shadow") return "shadow-denied";
  return blocked ? "blocked" : "denied";
}

/** The units that requests hold while they are in flight, on an up-down counter. */
function unitsInFlight() {
  const held = new WeakMap<RuleCheck, number>();
  return {
    /** Counts what a check holds, if it holds anything. */
    hold(check: RuleCheck, active: CounterLike): void {
      if (!holds(check)) return;
      const { cost } = check;
      held.set(check, cost);
      active.add(cost, { rule: check.rule.name });
    },
    /** Is the event about a check that holds, or held, units? Then counts what that check holds now. */
    follow(event: ThrottleEvent, active: CounterLike): boolean {
      const check = ExchangeEvent.exchange(event)?.checks.find(({ rule }) => rule.name === event.rule);
      const before = check === undefined ? undefined : held.get(check);
      if (check === undefined || before === undefined) return false;
      const { cost } = check;
      held.set(check, cost);
      if (cost !== before) active.add(cost - before, { rule: check.rule.name });
      return true;
    },
  };
}

/**
 * An observer that keeps OpenTelemetry metrics, in instruments that are made at the first event. It may observe several
 * throttles: then they are summed up, and rules of one name are one.
 *
 * Which units are in flight it knows of requests in this process; a response whose body is neither read nor cancelled holds
 * its own for ever here, while in the store its lease runs out.
 *
 * @param options The meter, and whether routes are told.
 * @returns For a throttle's `observers`.
 * @throws {TypeError} On an option that does not exist, when the meter cannot make instruments, or when routes is neither true nor false.
 *
 * @example On the SDK, in memory
 * ```ts
 * import { AggregationTemporality, InMemoryMetricExporter } from "@opentelemetry/sdk-metrics";
 * import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
 * import { withThrottle } from "@weir/throttle";
 * import { otel } from "@weir/throttle/otel";
 * import { equal } from "node:assert/strict";
 *
 * const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
 * const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter })] });
 *
 * const handler = withThrottle(() => new Response("hello"), { name: "ip", rate: "60/min" }, {
 *   client: { address: () => "192.0.2.1" }, // on a server: the socket's peer, without this line
 *   observers: [otel({ meter: provider.getMeter("api") })],
 * });
 * await handler(new Request("https://example.com/"));
 *
 * await provider.shutdown();
 * const [{ metrics }] = exporter.getMetrics()[0].scopeMetrics;
 * equal(metrics[0].descriptor.name, "weir.throttle.decisions");
 * equal(metrics[0].dataPoints[0].attributes.outcome, "allowed");
 * ```
 */
export function otel(options: OtelOptions = {}): Observer {
  requireOptions(options, { meter: METER, routes: BOOLEAN }, "make otel()");
  const { meter, routes = false } = options;
  let made: Instruments | null = null;
  const { hold, follow } = unitsInFlight();

  function verdict(event: ThrottleEvent, { decisions, duration, active }: Instruments): void {
    const where: MetricAttributes = routes && event.route !== null ? { route: event.route } : {};
    for (const decision of event.decisions) {
      const { rule, source, mode } = decision;
      decisions.add(1, { rule, outcome: outcomeOf(decision), source, mode, ...where });
    }
    if (event.durationMs !== undefined) {
      duration.record(event.durationMs / 1000, { outcome: event.type, ...where });
    }
    for (const check of ExchangeEvent.exchange(event)?.checks ?? []) hold(check, active);
  }

  /** What is done about events, by type; a shadow rule's and a block's are in the verdict too. */
  const told: Partial<
    Record<ThrottleEvent["type"], (event: ThrottleEvent, instruments: Instruments) => void>
  > = {
    allowed: verdict,
    denied: verdict,
    skipped({ rule = "", route }, { decisions }) {
      const where: MetricAttributes = routes && route !== null ? { route } : {};
      decisions.add(1, { rule, outcome: "skipped", ...where });
    },
    settled(event, { settledCost, active }) {
      if (follow(event, active)) return;
      for (const { rule, cost } of event.decisions) settledCost.record(cost, { rule });
    },
    store({ state }, { storeFailures, storeFailing }) {
      if (state === "failing") storeFailures.add(1);
      storeFailing.add(state === "failing" ? 1 : -1);
    },
    error(event, { errors, active }) {
      errors.add(1, event.rule === undefined ? {} : { rule: event.rule });
      // A slot that could not be given back comes free with its lease: the request holds it no more.
      follow(event, active);
    },
  };

  return (event) => {
    made ??= instrumentsOf(meter ?? metrics.getMeter("@weir/throttle"));
    told[event.type]?.(event, made);
  };
}
