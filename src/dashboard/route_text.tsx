/**
 * Route patterns in text.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";

/** A route pattern; where it is too long for its line it breaks after a slash. */
export function RouteText({ children }: { children: string }): JSX.Element {
  return <code>{children.split(/(?<=\/)/).map((part, i) => i === 0 ? part : [<wbr />, part])}</code>;
}
