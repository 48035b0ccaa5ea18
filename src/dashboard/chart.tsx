/**
 * Charts: SVG drawn on the server, with the numbers in a table behind each.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import { scaleLinear, scaleUtc } from "d3-scale";
import { area, line } from "d3-shape";
import { count, Table } from "./page.tsx";

/** One line of a chart. */
export interface Series {
  /** What it counts. */
  readonly name: string;
  /** Its colours and strokes in the style sheet: "total", "refused" or "clients". */
  readonly look: "total" | "refused" | "clients";
  readonly values: readonly number[];
}

const WIDTH = 640;
const HEIGHT = 200;
const LEFT = 48;
const BOTTOM = 176;
const TOP = 12;
const RIGHT = 24;

const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 16);

/**
 * Series over time, as areas with a line.
 *
 * @param id Unique in the page.
 * @param starts Epoch ms of each value.
 */
export function Chart(
  { id, title, starts, series }: {
    id: string;
    title: string;
    starts: readonly number[];
    series: readonly Series[];
  },
): JSX.Element {
  const most = Math.max(1, ...series.flatMap(({ values }) => values));
  const x = scaleUtc().domain([starts[0] ?? 0, starts[starts.length - 1] ?? 1]).range([LEFT, WIDTH - RIGHT]);
  const y = scaleLinear().domain([0, most]).nice(4).range([BOTTOM, TOP]);
  const at = (_: number, i: number): number => x(starts[i]);
  const stroke = line<number>().x(at).y((n) => y(n));
  const fill = area<number>().x(at).y0(y(0)).y1((n) => y(n));
  const sums = series.map(({ name, values }) => `${name} ${count(values.reduce((sum, n) => sum + n, 0))}`);
  return (
    <figure class="chart">
      <figcaption>
        <span id={`${id}-title`}>{title}</span>
        <ul class="legend" aria-hidden="true">
          {series.map(({ name, look }) => <li class={look}>{name}</li>)}
        </ul>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby={`${id}-title ${id}-sum`}>
        <desc id={`${id}-sum`}>{`In all: ${sums.join(", ")}. The numbers are in the table below.`}</desc>
        {y.ticks(4).filter(Number.isInteger).map((tick) => (
          <g class="tick">
            <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(tick)} y2={y(tick)} />
            <text x={LEFT - 8} y={y(tick) + 4} text-anchor="end">{count(tick)}</text>
          </g>
        ))}
        {x.ticks(6).map((tick) => (
          <text class="tick" x={x(tick)} y={HEIGHT - 6} text-anchor="middle">{clock(tick.getTime())}</text>
        ))}
        {series.map(({ look, values }) => (
          <g class={look}>
            <path class="fill" d={fill([...values]) ?? ""} />
            <path class="stroke" d={stroke([...values]) ?? ""} />
          </g>
        ))}
      </svg>
      <details>
        <summary>{`The numbers: ${title}`}</summary>
        <Table
          caption={title}
          head={["From (UTC)", ...series.map(({ name }) => name)]}
          rows={starts.map((start, i) => [clock(start), ...series.map(({ values }) => count(values[i]))])}
        />
      </details>
    </figure>
  );
}
