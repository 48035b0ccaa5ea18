/**
 * Bearer tokens in HTTP (RFC 6750): where they are, and how to say that one is not good.
 *
 * @module
 */

/**
 * What a request has in `Authorization: Bearer`, as it is. Null where it has no credentials; empty, which is no token, where it
 * has some that cannot be read as one: another scheme, a tab for the space. Two headers that a server joined are one text here.
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

/** The answer to a request without a token. It says nothing of errors (RFC 6750 section 3.1). */
export function tokenRequired(): Response {
  return problem(401, "Unauthorized", "A bearer token is required.", {
    "www-authenticate": 'Bearer realm="api"',
  });
}

/**
 * The answer to a token that is not good.
 *
 * @param reason Why, in one sentence of plain ASCII without quotes.
 */
export function tokenRefused(reason: string): Response {
  return problem(401, "Unauthorized", reason, {
    "www-authenticate": `Bearer error="invalid_token", error_description="${reason}"`,
  });
}

/**
 * The answer where no token can be checked for now.
 *
 * @param retryAfterMs When to come again; told in whole seconds, rounded up.
 */
export function cannotCheckTokens(retryAfterMs: number): Response {
  return problem(503, "Service Unavailable", "Tokens cannot be checked at the moment.", {
    "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1000))),
  });
}
