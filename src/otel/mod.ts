/**
 * OpenTelemetry metrics of throttles.
 *
 * | Instrument | Kind | Attributes |
 * | --- | --- | --- |
 * | `weir.throttle.decisions` | counter | `rule`, `outcome`, `source`, `mode` |
 * | `weir.throttle.trial.outcomes` | counter | `rule`, `outcome` |
 * | `weir.throttle.decision.duration` | histogram, s | `outcome` |
 * | `weir.throttle.settled.cost` | histogram, units | `rule` |
 * | `weir.throttle.concurrency.active` | up-down counter, units | `rule` |
 * | `weir.throttle.store.failures` | counter | |
 * | `weir.throttle.store.failing` | up-down counter, stores | |
 * | `weir.throttle.errors` | counter | `rule`, if a rule caused it |
 *
 * A decision is one rule's on one request. Its `outcome` is `allowed`, `denied`, `blocked`, `shadow-denied`
 * or, without `source` and `mode`, `skipped`. Its `source` shows an outage: `local` and `denied-by-policy`
 * instead of `store`. A trial's decisions have the trial's name, `api+trial`; a trial outcome is about its rule, and its
 * `outcome` is `both`, `live-only`, `trial-only` or `neither`, by which of the two refuse. Requests that another rule refuses have
 * none. The duration is the time of a request's verdict, `allowed` or `denied`, without its
 * authentication. The number of series depends only on your rules: no attribute contains a key, an address or
 * a path.
 *
 * @module
 */

import { metrics } from "@opentelemetry/api";
import type { Decision } from "../decision.ts";
import { ExchangeEvent, type Observer, type ThrottleEvent } from "../observers/events.ts";
import { type TrialOutcome, trialOutcomes } from "../observers/trial_outcome.ts";
import { BOOLEAN, having, requireOptions } from "../options.ts";
import { holds, type RuleCheck } from "../exchange/rule_check.ts";

/** Attributes of a measurement. */
export type MetricAttributes = Record<string, string>;

/** The part of OpenTelemetry's instrument options that {@link otel} uses. */
export interface InstrumentOptions {
  /** The measured quantity. */
  description?: string;
  /** The unit in UCUM: "s", "{decision}". */
  unit?: string;
  /** Hints for the SDK: the bucket boundaries of a histogram. */
  advice?: { explicitBucketBoundaries?: number[] };
}

/** A counter, monotonic or up-down. */
export interface CounterLike {
  /** Adds a value under these attributes. */
  add(value: number, attributes?: MetricAttributes): void;
}

/** A histogram. */
export interface HistogramLike {
  /** Records one measurement. */
  record(value: number, attributes?: MetricAttributes): void;
}

/** The part of OpenTelemetry's `Meter` that {@link otel} uses; the real one fits. */
export interface MeterLike {
  /** Creates a monotonic counter. */
  createCounter(name: string, options?: InstrumentOptions): CounterLike;
  /** Creates an up-down counter. */
  createUpDownCounter(name: string, options?: InstrumentOptions): CounterLike;
  /** Creates a histogram. */
  createHistogram(name: string, options?: InstrumentOptions): HistogramLike;
}

/** The options of {@link otel}. */
export interface OtelOptions {
  /**
   * The meter for the instruments. Default: the meter "@weir/throttle" of the global provider, as of the
   * first event.
   */
  meter?: MeterLike;
  /**
   * Do decisions and durations have the attribute `route`, the matched pattern such as "/items/:id"? Default
   * false.
   */
  routes?: boolean;
}

/** Bucket boundaries of durations, in s: from a decision in memory to beyond a store's deadline. */
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

/** Bucket boundaries of costs, in units. */
const COSTS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000, 1_000_000];

interface Instruments {
  readonly decisions: CounterLike;
  readonly trialOutcomes: CounterLike;
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
    trialOutcomes: meter.createCounter("weir.throttle.trial.outcomes", {
      description: "Requests by the verdicts of a rule and its trial.",
      unit: "{request}",
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

/** The outcomes of a trial, as attributes have them. */
const OUTCOMES: Readonly<Record<TrialOutcome, string>> = {
  both: "both",
  liveOnly: "live-only",
  trialOnly: "trial-only",
  neither: "neither",
};

const METER = /* @__PURE__ */ having("createCounter", "an OpenTelemetry meter");

function outcomeOf({ allowed, mode, blockedMs }: Decision): string {
  if (allowed) return "allowed";
  if (mode === "shadow") return "shadow-denied";
  return blockedMs > 0 ? "blocked" : "denied";
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
 * An observer that records OpenTelemetry metrics. It creates its instruments at the first event. One observer
 * may serve several throttles: their numbers are added up, and rules of the same name are one series.
 *
 * The active units are those of requests in this process. A response whose body is neither read nor cancelled
 * keeps its units in this metric, although its lease expires in the store.
 *
 * @param options See {@link OtelOptions}.
 * @returns An observer for a throttle's `observers`.
 * @throws {TypeError} On an unknown option, if the meter cannot create instruments, or if routes is not a
 * boolean.
 *
 * @example With the SDK, in memory
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
  /** The stores, or parts of stores, that fail now. */
  let failing = 0;
  const { hold, follow } = unitsInFlight();

  function verdict(event: ThrottleEvent, instruments: Instruments): void {
    const { decisions, duration, active } = instruments;
    const where: MetricAttributes = routes && event.route !== null ? { route: event.route } : {};
    for (const decision of event.decisions) {
      const { rule, source, mode } = decision;
      decisions.add(1, { rule, outcome: outcomeOf(decision), source, mode, ...where });
    }
    for (const { rule, outcome } of trialOutcomes(event.decisions)) {
      instruments.trialOutcomes.add(1, { rule, outcome: OUTCOMES[outcome], ...where });
    }
    if (event.durationMs !== undefined) {
      duration.record(event.durationMs / 1000, { outcome: event.type, ...where });
    }
    for (const check of ExchangeEvent.exchange(event)?.checks ?? []) hold(check, active);
  }

  /** The handlers of events, by type. A shadow denial and a block are in the verdict too. */
  const handlers: Partial<
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
      // A throttle that is made during an outage hears of its end alone.
      else if (failing === 0) return;
      const change = state === "failing" ? 1 : -1;
      failing += change;
      storeFailing.add(change);
    },
    error(event, { errors, active }) {
      errors.add(1, event.rule === undefined ? {} : { rule: event.rule });
      // A slot whose release failed expires with its lease; the request no longer holds it.
      follow(event, active);
    },
  };

  return (event) => {
    made ??= instrumentsOf(meter ?? metrics.getMeter("@weir/throttle"));
    handlers[event.type]?.(event, made);
  };
}
