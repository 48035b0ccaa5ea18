/**
 * What all pages of the dashboard have around them.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { StatsReport } from "../stats/report.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { moment } from "./number_text.ts";

/** Where a page is, and what it is about. */
export interface Page {
  /** What links to the dashboard's other pages begin with: they are relative, so that it can be mounted anywhere. */
  readonly links: string;
  /** The page's own path in the dashboard. */
  readonly path: string;
  /** The throttle that it is about. */
  readonly throttle: Throttle;
}

/** The pages in the menu. */
const PAGES = [
  ["/", "Overview"],
  ["/rules", "Rules"],
  ["/routes", "Routes"],
  ["/clients", "Clients"],
  ["/lookup", "Look up"],
] as const;

/**
 * What relative links begin with, which must lead to the dashboard's root: from a page just below it that is its folder; the
 * root itself may be asked for without the slash at its end, and then it is a step down.
 *
 * @param pathname Of the request.
 * @param path The page's in the dashboard.
 */
export function linksFrom(pathname: string, path: string): string {
  return path === "/" && !pathname.endsWith("/")
    ? `./${pathname.slice(pathname.lastIndexOf("/") + 1)}/`
    : "./";
}

function linkTo(to: string, { links }: Page): string {
  return links + to.slice(1);
}

/** Whose numbers these are, and how old. Without the script they stay as old as that. */
function AsOf({ report: { at, scope } }: { report: StatsReport }) {
  return (
    <p class="note">
      {scope === "shared" ? "All instances" : "This instance"}, as of{" "}
      <time datetime={new Date(at).toISOString()}>{moment(at)}</time>.
    </p>
  );
}

/** A page: its menu, and what is in it. One with a report refreshes itself. */
export function Layout(
  { page, title, report, children }: { page: Page; title: string; report?: StatsReport; children?: Child },
): JSX.Element {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>{`${title} - Weir`}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href={linkTo("/style.css", page)} />
        {report ? <script src={linkTo("/live.js", page)} defer></script> : null}
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header>
          <p class="brand">Weir</p>
          <nav aria-label="Pages">
            <ul>
              {PAGES.map(([to, name]) => (
                <li>
                  <a href={linkTo(to, page)} aria-current={to === page.path ? "page" : undefined}>{name}</a>
                </li>
              ))}
            </ul>
          </nav>
        </header>
        {report
          ? (
            <p id="stale" class="alarm" role="status" hidden>
              This page cannot refresh itself: the server does not answer as it did.
            </p>
          )
          : null}
        <main id="content">
          <h1>{title}</h1>
          {report ? <AsOf report={report} /> : null}
          {children}
        </main>
        {report
          ? (
            <noscript>
              <p class="note">Without JavaScript this page does not refresh itself: reload it.</p>
            </noscript>
          )
          : null}
      </body>
    </html>
  );
}
