/**
 * The frame of a page that is one file.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import { raw } from "hono/html";
import type { JSX } from "hono/jsx/jsx-runtime";
import { style } from "../dashboard/style.ts";

/** No text of a log runs as code, and the page loads nothing. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** The styles that the dashboard's pages do not need. */
const OWN_STYLE = `
.charts, .scroll { margin-bottom: 1.25rem; }
.curve .mark { stroke: var(--near); stroke-width: 1.5; stroke-dasharray: 4 3; }
.curve .label { fill: var(--text); font-size: 12px; }
pre { margin: .5rem 0 1rem; padding: .75rem 1rem; overflow-x: auto; background: var(--panel); border: 1px solid var(--edge); border-radius: .6rem; font: .9em/1.5 ui-monospace, monospace; }
@media (max-width: 32rem) { .curve .label { font-size: 15px; } }
`;

/** A page as text. It has its style in itself and no script. */
export function documentOf(title: string, note: string, content: Child): string {
  const page = (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={POLICY} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{`${title} - Weir`}</title>
        <link rel="icon" href="data:," />
        <style>{raw(style + OWN_STYLE)}</style>
      </head>
      <body>
        <header>
          <p class="brand">Weir</p>
        </header>
        <main id="content">
          <h1>{title}</h1>
          <p class="note">{note}</p>
          {content}
        </main>
      </body>
    </html>
  );
  return `<!doctype html>${page}`;
}

/** The limitations of a log, as a list. */
export function Limitations({ of }: { of: readonly string[] }): JSX.Element | null {
  return of.length === 0 ? null : (
    <section class="panel" aria-labelledby="limits">
      <h2 id="limits">The log does not show</h2>
      <ul>{of.map((text) => <li>{text}</li>)}</ul>
    </section>
  );
}
