/**
 * Whether a request that changes something comes from a page of this very site.
 *
 * @module
 */

/**
 * Does the request come from a page of this origin? Browsers say so in Sec-Fetch-Site, whatever proxies stand between; those
 * that do not (old ones, and all on plain HTTP), in Origin, which must name the host that was asked. Its scheme is left out: a
 * proxy in front may end TLS.
 */
export function isSameOrigin({ headers, url }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = headers.get("origin");
  if (origin === null || !URL.canParse(origin)) return false;
  const { protocol, host } = new URL(origin);
  // Parsed as the origin was: a default port is left out of both.
  const asked = `${protocol}//${headers.get("host") ?? new URL(url).host}`;
  return URL.canParse(asked) && new URL(asked).host === host;
}
