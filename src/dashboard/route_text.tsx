/**
 * Route patterns in text.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";

/** A route pattern that may break after each slash. */
export function RouteText({ children }: { children: string }): JSX.Element {
  return <code>{children.split(/(?<=\/)/).map((part, i) => i === 0 ? part : [<wbr />, part])}</code>;
}
