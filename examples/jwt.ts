/** `deno serve examples/jwt.ts`: a quota for whoever a token is about, and a smaller one for each token. */
// Try: curl -i -H "authorization: Bearer $(curl -s localhost:8000/token/ann)" localhost:8000/notes
import { withThrottle } from "@weir/throttle";
import { byJwt, jwtAuth } from "@weir/throttle/jwt";
import { SignJWT } from "jose";

const issuer = "https://id.example";
const audience = "https://notes.example";
const secret = crypto.getRandomValues(new Uint8Array(32));

/** Stands in for the issuer: anybody may be anybody here. */
async function token(name: string): Promise<Response> {
  const claims = { iss: issuer, aud: audience, sub: name, jti: crypto.randomUUID() };
  const unsigned = new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).setExpirationTime("1h");
  return new Response(await unsigned.sign(secret));
}

const notes = withThrottle((_request: Request, ..._server: unknown[]) => Response.json({ notes: [] }), [
  { name: "address", rate: "600/min" }, // before tokens are checked, which is work
  { name: "subject", rate: "10/min", key: byJwt() }, // whoever it is, whatever token they have
  { name: "token", rate: "6/min", key: byJwt({ claim: "jti" }) }, // at most so much of it by one token
], {
  // An issuer that is not yourself: { jwks: "https://id.example/.well-known/jwks.json", issuer, audience, required: true }
  authenticate: jwtAuth({ secret, issuer, audience, required: true }),
});

export default {
  fetch(request: Request, ...server: unknown[]): Response | Promise<Response> {
    const [, first, name] = new URL(request.url).pathname.split("/");
    return first === "token" ? token(name) : notes(request, ...server);
  },
};
