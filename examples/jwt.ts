/** `deno serve examples/jwt.ts`: a quota per subject of a token, and a smaller one per token. */
// Try: curl -i -H "authorization: Bearer $(curl -s localhost:8000/token/ann)" localhost:8000/notes
import { withThrottle } from "@weir/throttle";
import { byJwt, jwtAuth } from "@weir/throttle/jwt";
import { SignJWT } from "jose";

const issuer = "https://id.example";
const audience = "https://notes.example";
const secret = crypto.getRandomValues(new Uint8Array(32));

/** A stand-in for the issuer: any client may claim any name here. */
async function token(name: string): Promise<Response> {
  const claims = { iss: issuer, aud: audience, sub: name, jti: crypto.randomUUID() };
  const unsigned = new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1h");
  return new Response(await unsigned.sign(secret));
}

const notes = withThrottle((_request: Request, ..._server: unknown[]) => Response.json({ notes: [] }), [
  { name: "address", rate: "600/min" }, // before tokens are verified, which is expensive
  { name: "subject", rate: "10/min", key: byJwt() }, // per subject, over all its tokens
  { name: "token", rate: "6/min", key: byJwt({ claim: "jti" }) }, // per token
], {
  // For an external issuer: { jwks: "https://id.example/.well-known/jwks.json", issuer, audience, required: true }
  authenticate: jwtAuth({ secret, issuer, audience, required: true }),
});

export default {
  fetch(request: Request, ...server: unknown[]): Response | Promise<Response> {
    const [, first, name = ""] = new URL(request.url).pathname.split("/");
    return first === "token" ? token(name) : notes(request, ...server);
  },
};
