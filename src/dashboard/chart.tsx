/**
 * Charts: SVG rendered on the server, with a table of the numbers below each.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import { scaleLinear, scaleUtc } from "d3-scale";
import { area, curveStepAfter, line } from "d3-shape";
import { brief, clock, count } from "./number_text.ts";
import { Table } from "./table.tsx";

/** One line of a chart. */
export interface Series {
  /** The counted quantity. */
  readonly name: string;
  /** Its class in the style sheet. */
  readonly look: "total" | "refused" | "clients";
  readonly values: readonly number[];
}

const WIDTH = 480;
const HEIGHT = 200;
/** The plot area; the labels are left of it and below. */
const PLOT = { left: 52, right: WIDTH - 8, top: 12, bottom: HEIGHT - 28 };
/** Half the width of a label below, on a phone: a label without room is omitted. */
const HALF_LABEL = 24;

/**
 * A step chart of counts over consecutive time spans.
 *
 * @param id Unique in the page.
 * @param starts The start of each span, epoch ms.
 * @param stepMs The length of a span, in ms.
 * @param timeText Writes a time. Default: as the time of day.
 */
export function Chart(
  { id, title, starts, stepMs, series, timeText = clock }: {
    id: string;
    title: string;
    starts: readonly number[];
    stepMs: number;
    series: readonly Series[];
    timeText?: (at: number) => string;
  },
): JSX.Element {
  const edges = [...starts, (starts[starts.length - 1] ?? 0) + stepMs];
  const most = Math.max(1, ...series.flatMap(({ values }) => values));
  const x = scaleUtc().domain([edges[0], edges[edges.length - 1]]).range([PLOT.left, PLOT.right]);
  const y = scaleLinear().domain([0, most]).nice(4).range([PLOT.bottom, PLOT.top]);
  const at = (_: number, i: number): number => x(edges[i]);
  const stroke = line<number>().x(at).y((n) => y(n)).curve(curveStepAfter);
  const fill = area<number>().x(at).y0(y(0)).y1((n) => y(n)).curve(curveStepAfter);
  // The last value holds until the end of its span.
  const steps = (values: readonly number[]): number[] => [...values, values[values.length - 1] ?? 0];
  const sums = series.map(({ name, values }) => `${name} ${count(values.reduce((sum, n) => sum + n, 0))}`);
  return (
    <figure class="chart">
      <figcaption>
        <h2 id={`${id}-title`}>{title}</h2>
        <ul class="legend" aria-hidden="true">
          {series.map(({ name, look }) => <li class={look}>{name}</li>)}
        </ul>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby={`${id}-title ${id}-sum`}>
        <desc id={`${id}-sum`}>{`In all: ${sums.join(", ")}. The numbers are in the table below.`}</desc>
        {y.ticks(4).filter(Number.isInteger).map((tick) => (
          <g class="tick">
            <line x1={PLOT.left} x2={PLOT.right} y1={y(tick)} y2={y(tick)} />
            <text x={PLOT.left - 8} y={y(tick) + 4} text-anchor="end">{brief(tick)}</text>
          </g>
        ))}
        {x.ticks(6).filter((tick) => x(tick) + HALF_LABEL <= WIDTH).map((tick) => (
          <g class="tick">
            <line x1={x(tick)} x2={x(tick)} y1={PLOT.bottom} y2={PLOT.bottom + 4} />
            <text x={x(tick)} y={HEIGHT - 6} text-anchor="middle">{timeText(tick.getTime())}</text>
          </g>
        ))}
        {series.map(({ look, values }) => (
          <g class={look}>
            <path class="fill" d={fill(steps(values)) ?? ""} />
            <path class="stroke" d={stroke(steps(values)) ?? ""} />
          </g>
        ))}
      </svg>
      <details>
        <summary>{`The numbers: ${title}`}</summary>
        <Table
          caption={title}
          head={["From (UTC)", ...series.map(({ name }) => name)]}
          rows={starts.map((start, i) => [timeText(start), ...series.map(({ values }) => count(values[i]))])}
        />
      </details>
    </figure>
  );
}
