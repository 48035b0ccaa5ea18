/**
 * What all pages of the dashboard have around them.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { CompiledRule } from "../rule.ts";

/** Where a page is, and what it is about. */
export interface Page {
  /** The path that the dashboard is mounted at, without a slash at its end. */
  readonly mount: string;
  /** The page's own path below that. */
  readonly path: string;
  /** The throttle's rules. */
  readonly rules: readonly CompiledRule[];
}

/** The pages in the menu. */
const PAGES = [
  ["/", "Overview"],
  ["/rules", "Rules"],
  ["/routes", "Routes"],
  ["/clients", "Clients"],
  ["/lookup", "Look up"],
] as const;

/** A number as people read it: 12,345. */
export function count(n: number): string {
  return Math.round(n).toLocaleString("en");
}

/** A part of a whole as people read it: 12.3 %. */
export function percent(part: number, whole: number): string {
  return whole === 0 ? "0 %" : `${(part / whole * 100).toFixed(1)} %`;
}

/** A point in time, UTC. */
export function moment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A length of time, in its two largest units, rounded up to seconds: "2 min 5 s". */
export function span(ms: number): string {
  if (ms === Infinity) return "never";
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]] as const;
  let seconds = Math.ceil(ms / 1000);
  const parts: string[] = [];
  for (const [unit, size] of units) {
    if (seconds >= size && parts.length < 2) parts.push(`${Math.floor(seconds / size)} ${unit}`);
    seconds %= size;
  }
  return parts.length === 0 ? "0 s" : parts.join(" ");
}

/** A table under its caption; the first column names the row. */
export function Table(
  { caption, head, rows, empty = "Nothing yet." }: {
    caption: string;
    head: readonly string[];
    rows: readonly (readonly Child[])[];
    empty?: string;
  },
): JSX.Element {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    // Focusable, as it scrolls sideways on a phone.
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

/** A page: its menu, and what is in it. `live` pages refresh themselves. */
export function Layout(
  { page: { mount, path }, title, live = true, children }: {
    page: Page;
    title: string;
    live?: boolean;
    children?: Child;
  },
): JSX.Element {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{`${title} - Weir`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href={`${mount}/style.css`} />
        {live ? <script src={`${mount}/live.js`} defer></script> : null}
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header>
          <p class="brand">Weir</p>
          <nav aria-label="Pages">
            <ul>
              {PAGES.map(([to, name]) => (
                <li>
                  <a
                    href={to === "/" ? mount || "/" : mount + to}
                    aria-current={to === path ? "page" : undefined}
                  >
                    {name}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
        </header>
        <main id="content">
          <h1>{title}</h1>
          {children}
        </main>
      </body>
    </html>
  );
}
