/**
 * Recognizes requests from the dashboard's own pages.
 *
 * @module
 */

/**
 * Does the request come from a page of this origin? Browsers state that in Sec-Fetch-Site, even behind
 * proxies. Requests without it (old browsers, and all on plain HTTP) have Origin, which must name the
 * requested host. The scheme is ignored, since a proxy may end TLS.
 */
export function isSameOrigin({ headers, url }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = headers.get("origin");
  if (origin === null || !URL.canParse(origin)) return false;
  const { protocol, host } = new URL(origin);
  // Parsed like the origin, so that both omit a default port.
  const asked = `${protocol}//${headers.get("host") ?? new URL(url).host}`;
  return URL.canParse(asked) && new URL(asked).host === host;
}
