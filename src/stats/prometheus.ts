/**
 * Statistics in Prometheus' text exposition format 0.0.4.
 *
 * @module
 */

import type { StatsCounts, StatsReport } from "./report.ts";

/** The media type of {@link prometheusText}. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  samples(report: StatsReport): Iterable<Sample>;
}

/** Allowed requests are the ones that were not refused. */
const outcomes = (labels: Labels, { requests, refused }: StatsCounts): Sample[] => [
  [{ ...labels, outcome: "allowed" }, requests - refused],
  [{ ...labels, outcome: "refused" }, refused],
];

const each = <T>(
  record: Readonly<Record<string, T>>,
  samples: (name: string, value: T) => Sample[],
): Sample[] => Object.entries(record).flatMap(([name, value]) => samples(name, value));

/**
 * Counters are those of this instance, even with a shared store: Prometheus adds up the instances that it
 * scrapes.
 */
const METRICS: readonly Metric[] = [
  {
    name: "weir_requests_total",
    type: "counter",
    help: "Requests decided by this instance.",
    samples: ({ instance }) => outcomes({}, instance),
  },
  {
    name: "weir_shadow_refused_requests_total",
    type: "counter",
    help: "Requests that a rule in shadow mode would have refused.",
    samples: ({ instance }) => [[{}, instance.shadow_refused]],
  },
  {
    name: "weir_rule_decisions_total",
    type: "counter",
    help: "Requests decided by a rule.",
    samples: ({ instance }) =>
      each(instance.by_rule, (rule, counts) => [
        [{ rule, outcome: "allowed" }, counts.requests - counts.refused - counts.shadow_refused],
        [{ rule, outcome: "refused" }, counts.refused],
        [{ rule, outcome: "shadow-refused" }, counts.shadow_refused],
      ]),
  },
  {
    name: "weir_trial_outcomes_total",
    type: "counter",
    help: "Requests by the verdicts of a rule and its trial.",
    samples: ({ instance }) =>
      each(instance.by_rule, (rule, { trial }) =>
        trial === undefined ? [] : [
          [{ rule, outcome: "both" }, trial.both],
          [{ rule, outcome: "live-only" }, trial.liveOnly],
          [{ rule, outcome: "trial-only" }, trial.trialOnly],
          [{ rule, outcome: "neither" }, trial.neither],
        ]),
  },
  {
    name: "weir_rule_near_limit_total",
    type: "counter",
    help: "Requests that a rule let pass with a tenth of its limit, or of a burst below it, left, or less.",
    samples: ({ instance }) => each(instance.by_rule, (rule, counts) => [[{ rule }, counts.near_limit]]),
  },
  {
    name: "weir_rule_limit",
    type: "gauge",
    help: "The limit of a rule, in units per window.",
    samples: ({ by_rule }) => each(by_rule, (rule, { limit }) => limit === null ? [] : [[{ rule }, limit]]),
  },
  {
    name: "weir_route_requests_total",
    type: "counter",
    help: "Requests by route pattern.",
    samples: ({ instance }) => each(instance.by_route, (route, counts) => outcomes({ route }, counts)),
  },
  {
    name: "weir_method_requests_total",
    type: "counter",
    help: "Requests by method.",
    samples: ({ instance }) => each(instance.by_method, (method, counts) => outcomes({ method }, counts)),
  },
  {
    name: "weir_responses_total",
    type: "counter",
    help: "Responses by status.",
    samples: ({ instance }) => each<number>(instance.by_status, (status, n) => [[{ status }, n]]),
  },
  {
    name: "weir_unique_clients",
    type: "gauge",
    help: "Different clients, within 2 %.",
    samples: ({ current_hour, last_24_hours }) => [
      [{ span: "current_hour" }, current_hour.unique_ips],
      [{ span: "last_24_hours" }, last_24_hours.unique_ips],
    ],
  },
  {
    name: "weir_store_failing",
    type: "gauge",
    help: "1 while the store of the throttle fails, as this instance sees it.",
    samples: ({ store }) => [[{}, store.state === "failing" ? 1 : 0]],
  },
  {
    name: "weir_store_failures_total",
    type: "counter",
    help: "How often the store of the throttle began to fail.",
    samples: ({ store }) => [[{}, store.failures]],
  },
];

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };

/** Escapes a label's value. A carriage return is legal in the format but ends lines for some readers. */
function labelValue(text: string): string {
  return text.replaceAll("\r", " ").replace(/[\\"\n]/g, (character) => ESCAPES[character]);
}

function line(name: string, [labels, value]: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${labelValue(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}\n`;
}

/**
 * Statistics in Prometheus' text format. Counters are totals since this instance started, so scrape every
 * instance.
 *
 * @param report The result of `stats().read()`.
 * @returns The text; serve it as {@link PROMETHEUS_TYPE}.
 */
export function prometheusText(report: StatsReport): string {
  return METRICS.map((metric) => {
    const { name, type, help } = metric;
    const samples = Array.from(metric.samples(report), (sample) => line(name, sample));
    return samples.length === 0 ? "" : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.join("")}`;
  }).join("");
}
