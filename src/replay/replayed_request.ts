/**
 * A logged request as rules see it.
 *
 * @module
 */

import type { LoggedRequest } from "./logged_request.ts";

/**
 * The parts of a Request that a log records: method, URL and some headers. A Request of the runtime would cost more than a
 * decision does.
 */
export class ReplayedRequest {
  declare readonly method: string;
  declare readonly url: string;
  readonly body = null;
  readonly bodyUsed = false;
  #logged: LoggedRequest;
  #headers: Headers | null = null;

  constructor(logged: LoggedRequest) {
    this.method = logged.method;
    this.url = logged.url;
    this.#logged = logged;
  }

  get headers(): Headers {
    if (this.#headers !== null) return this.#headers;
    const headers = new Headers();
    const { userAgent, headers: given = {} } = this.#logged;
    if (userAgent !== undefined) set(headers, "user-agent", userAgent);
    for (const [name, value] of Object.entries(given)) set(headers, name, value);
    this.#headers = headers;
    return headers;
  }
}

/** Logs have letters that no header can have: they are left out. */
function set(headers: Headers, name: string, value: string): void {
  headers.set(name, value.replace(/[^\t\x20-\x7e\x80-\xff]/g, ""));
}
