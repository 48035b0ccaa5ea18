/**
 * Bars: the shares of a total.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import { scaleLinear } from "d3-scale";

/** The class of a share in the style sheet. */
export type Look = "total" | "near" | "refused" | "shadow" | "clients";

/** The least width of a share above zero, in percent, so that it is visible. */
const MIN_WIDTH = 0.75;

/**
 * Shares side by side on a track. The text beside the bar has the numbers, so it is hidden from screen
 * readers.
 */
export function Bar(
  { parts, whole }: { parts: readonly (readonly [look: Look, n: number])[]; whole: number },
): JSX.Element {
  const width = scaleLinear().domain([0, Math.max(whole, 1)]).range([0, 100]).clamp(true);
  let end = 0;
  return (
    <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="10" />
      {parts.filter(([, n]) => n > 0).map(([look, n]) => {
        const start = end;
        end = Math.min(100, start + Math.max(MIN_WIDTH, width(n)));
        return (
          <rect
            class={look}
            x={Math.min(start, 100 - MIN_WIDTH)}
            width={Math.max(end - start, MIN_WIDTH)}
            height="10"
          />
        );
      })}
    </svg>
  );
}
