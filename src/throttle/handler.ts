/**
 * A handler, as servers call it.
 *
 * @module
 */

import type { MaybePromise } from "../maybe.ts";

/**
 * A handler as servers call it: the request, and the arguments that the server passes beside it. It answers with a Response,
 * or with nothing where it took the connection over (`server.upgrade(request)` of Bun). The request may be a framework's own
 * kind of Request, such as NextRequest or BunRequest.
 */
export type Handler<Rest extends unknown[], Answer = Response, Incoming extends Request = Request> = (
  request: Incoming,
  ...rest: Rest
) => MaybePromise<Answer>;
