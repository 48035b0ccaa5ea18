/**
 * The curve "limit against share of clients touched".
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import { scaleLog } from "d3-scale";
import { area, curveStepAfter, line } from "d3-shape";
import { brief, count, percent } from "../dashboard/number_text.ts";
import { Table } from "../dashboard/table.tsx";
import type { Suggestion } from "../replay/suggest.ts";

const WIDTH = 480;
const HEIGHT = 220;
/** The plot area; the labels are left of it and below. */
const PLOT = { left: 56, right: WIDTH - 12, top: 24, bottom: HEIGHT - 28 };

interface Point {
  readonly limit: number;
  readonly share: number;
}

/** How many powers of ten have labels at most. */
const MAX_LABELS = 6;

/** The labels below: powers of ten, as limits go from one to a million. */
function limitTicks(most: number): number[] {
  const powers = Array.from({ length: Math.floor(Math.log10(most)) + 1 }, (_, i) => 10 ** i);
  const step = Math.ceil(powers.length / MAX_LABELS);
  return powers.filter((_, i) => i % step === 0);
}

/** The lines and labels of both axes. */
function Ticks(
  { x, y, least, most }: {
    x: (limit: number) => number;
    y: (share: number) => number;
    least: number;
    most: number;
  },
): JSX.Element {
  return (
    <>
      {[1, 0.1, 0.01, 0.001, 0.0001].filter((tick) => tick >= least).map((tick) => (
        <g class="tick">
          <line x1={PLOT.left} x2={PLOT.right} y1={y(tick)} y2={y(tick)} />
          <text x={PLOT.left - 8} y={y(tick) + 4} text-anchor="end">
            {`${Number((100 * tick).toPrecision(1))} %`}
          </text>
        </g>
      ))}
      {limitTicks(most).map((tick) => (
        <g class="tick">
          <line x1={x(tick)} x2={x(tick)} y1={PLOT.bottom} y2={PLOT.bottom + 4} />
          <text x={x(tick)} y={HEIGHT - 6} text-anchor="middle">{brief(tick)}</text>
        </g>
      ))}
    </>
  );
}

/** The curve of one window, with the suggestion that leaves 99.9 % of the clients untouched marked. */
export function Curve({ suggestion, of }: { suggestion: Suggestion; of: string }): JSX.Element {
  const { key, route, window, clients, curve, p999, max } = suggestion;
  const id = `${key} ${route} ${window}`.replace(/[^\w-]+/g, "_");
  // The last thousandths of the clients are those that matter.
  const least = Math.min(0.1, 0.5 / clients);
  // Below the smallest limit of the curve everybody is touched.
  const points: Point[] = [
    { limit: 0.9, share: 1 },
    ...curve.map(({ limit, touched }) => ({ limit, share: Math.max(least, touched / clients) })),
  ];
  const x = scaleLog().domain([0.9, Math.max(10, max * 1.1)]).range([PLOT.left, PLOT.right]);
  const y = scaleLog().domain([least, 1]).range([PLOT.bottom, PLOT.top]).clamp(true);
  const ends: Point[] = [...points, { limit: Math.max(10, max * 1.1), share: least }];
  const stroke = line<Point>().x(({ limit }) => x(limit)).y(({ share }) => y(share)).curve(curveStepAfter);
  const fill = area<Point>().x(({ limit }) => x(limit)).y0(PLOT.bottom).y1(({ share }) => y(share))
    .curve(curveStepAfter);
  const isRight = x(p999) < (PLOT.left + PLOT.right) / 2;
  const title = `Within ${window}`;
  return (
    <figure class="chart curve">
      <figcaption>
        <h2 id={`${id}-title`}>{title}</h2>
        <ul class="legend" aria-hidden="true">
          <li class="clients">clients touched</li>
          <li class="near">suggestion</li>
        </ul>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby={`${id}-title ${id}-sum`}>
        <desc id={`${id}-sum`}>
          {`The share of clients that exceed a limit, by the limit. A limit of ${
            count(p999)
          } leaves 99.9 % untouched, ` +
            `one of ${count(max)} all. The numbers are in the table below.`}
        </desc>
        <Ticks x={x} y={y} least={least} most={Math.max(10, max)} />
        <g class="clients">
          <path class="fill" d={fill(ends) ?? ""} />
          <path class="stroke" d={stroke(ends) ?? ""} />
        </g>
        <line class="mark" x1={x(p999)} x2={x(p999)} y1={PLOT.top} y2={PLOT.bottom} />
        <text
          class="label"
          x={x(p999) + (isRight ? 6 : -6)}
          y={PLOT.top + 12}
          text-anchor={isRight ? "start" : "end"}
        >
          {`${brief(p999)} per ${window}`}
        </text>
      </svg>
      <details>
        <summary>{`The numbers: ${title}`}</summary>
        <Table
          caption={`${of}, within ${window}`}
          head={["Limit", "Clients that exceed it", "Share"]}
          rows={curve.map(({ limit, touched }) => [count(limit), count(touched), percent(touched, clients)])}
        />
      </details>
    </figure>
  );
}
