/**
 * Figures: a number with its name.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";

/** A figure in a list of class "figures". A small note is below the value. */
export function Figure(
  { name, note, children }: { name: string; note?: Child; children?: Child },
): JSX.Element {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>
        {children} {note ? <small>{note}</small> : null}
      </dd>
    </div>
  );
}
