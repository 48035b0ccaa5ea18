/**
 * Tables.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";

/** A table with a caption, or, without rows, a sentence. The first column names the row. */
export function Table(
  { caption, head, rows, empty = "Nothing yet." }: {
    caption: string;
    head: readonly string[];
    rows: readonly (readonly Child[])[];
    empty?: string;
  },
): JSX.Element {
  if (rows.length === 0) {
    return (
      <section class="empty">
        <h2>{caption}</h2>
        <p>{empty}</p>
      </section>
    );
  }
  return (
    // Focusable, since it scrolls sideways on a phone.
    <div class="scroll" tabindex={0} role="region" aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>{head.map((name, i) => <th scope="col" class={i === 0 ? "" : "number"}>{name}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map(([name, ...cells]) => (
            <tr>
              <th scope="row">{name}</th>
              {cells.map((cell) => <td class="number">{cell}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
