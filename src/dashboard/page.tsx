/**
 * The frame of all pages.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";
import type { StatsReport } from "../stats/report.ts";
import type { Throttle } from "../throttle/throttle.ts";
import { moment } from "./number_text.ts";

/** A page's path and throttle. */
export interface Page {
  /** The prefix of links to the other pages. It is relative, so that the dashboard can be mounted anywhere. */
  readonly links: string;
  /** The page's path in the dashboard. */
  readonly path: string;
  /** The throttle of the dashboard. */
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
 * The prefix of relative links to the dashboard's root. For a page below the root that is its folder; the
 * root itself may be requested without the slash at its end, and then the prefix is one step down.
 *
 * @param pathname The path of the request.
 * @param path The page's path in the dashboard.
 */
export function linksFrom(pathname: string, path: string): string {
  return path === "/" && !pathname.endsWith("/")
    ? `./${pathname.slice(pathname.lastIndexOf("/") + 1)}/`
    : "./";
}

function linkTo(to: string, { links }: Page): string {
  return links + to.slice(1);
}

/** The scope and the age of the numbers. */
function AsOf({ report: { at, scope } }: { report: StatsReport }) {
  return (
    <p class="note">
      {scope === "shared" ? "All instances" : "This instance"}, as of{" "}
      <time datetime={new Date(at).toISOString()}>{moment(at)}</time>.
    </p>
  );
}

/** A page with its menu. A page with a report refreshes itself. */
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
              This page cannot refresh itself: the server does not answer.
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
