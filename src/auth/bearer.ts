/**
 * Bearer tokens in HTTP (RFC 6750): reading them, and the responses about them.
 *
 * @module
 */

/**
 * The text in `Authorization: Bearer`, unchanged. Null without credentials; empty, which is not a token, for
 * credentials in another form: another scheme, or a tab instead of the space. Servers join two such headers
 * into one text.
 */
export function bearerToken(request: Request): string | null {
  const credentials = request.headers.get("authorization");
  if (!credentials) return null;
  return /^bearer +(.+)$/i.exec(credentials)?.[1] ?? "";
}

function problem(status: number, title: string, detail: string, headers: Record<string, string>): Response {
  return new Response(JSON.stringify({ title, status, detail }), {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store", ...headers },
  });
}

/** The response to a request without a token. It names no error (RFC 6750 section 3.1). */
export function tokenRequired(): Response {
  return problem(401, "Unauthorized", "A bearer token is required.", {
    "www-authenticate": 'Bearer realm="api"',
  });
}

/**
 * The response to an invalid token.
 *
 * @param reason One sentence in ASCII without quotes.
 */
export function invalidToken(reason: string): Response {
  return problem(401, "Unauthorized", reason, {
    "www-authenticate": `Bearer error="invalid_token", error_description="${reason}"`,
  });
}

/**
 * The response while tokens cannot be verified.
 *
 * @param retryAfterMs The wait until a retry makes sense; sent in whole seconds, rounded up.
 */
export function cannotCheckTokens(retryAfterMs: number): Response {
  return problem(503, "Service Unavailable", "Tokens cannot be checked at the moment.", {
    "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1000))),
  });
}
