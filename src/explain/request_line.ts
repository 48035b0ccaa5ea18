/**
 * A request from one line, as people write it.
 *
 * @module
 */

/**
 * Reads "POST /login", "/login" or "GET https://api.example.com/login".
 *
 * @param line The method, GET by default, and the path.
 * @param headers The headers of the request.
 * @returns Null if no Request has this method or this path.
 */
export function requestFrom(line: string, headers: Headers = new Headers()): Request | null {
  const [, written = "GET", target] = /^\s*(?:(\S+)\s+)?((?:\/|https?:\/\/)\S*)\s*$/i.exec(line) ?? [];
  if (target === undefined) return null;
  const method = written.toUpperCase();
  try {
    // Not by a base: two slashes at the beginning of a path would begin a host.
    const url = target.startsWith("/") ? `http://localhost${target}` : target;
    const request = new Request(url, { method, headers });
    // Bun takes GET for a method that it does not know.
    return request.method === method ? request : null;
  } catch {
    return null;
  }
}
