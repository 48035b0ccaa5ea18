/**
 * Bars: parts of a whole at a glance.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import { scaleLinear } from "d3-scale";

/** A part's colour in the style sheet. */
export type Look = "total" | "near" | "refused" | "shadow" | "clients";

/** How wide a part that is not nothing is at least, of 100: it can be seen. */
const LEAST = 0.75;

/** Parts side by side on a track. Its numbers stand in the text beside it, so it says nothing to who cannot see it. */
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
        end = Math.min(100, start + Math.max(LEAST, width(n)));
        return (
          <rect
            class={look}
            x={Math.min(start, 100 - LEAST)}
            width={Math.max(end - start, LEAST)}
            height="10"
          />
        );
      })}
    </svg>
  );
}
