/** `deno serve examples/login_brute_force.ts`: few wrong passwords, per account and per address. */
// Try: curl -i -d account=ann -d password=guess localhost:8000/login
import { type Context, withThrottle } from "@weir/throttle";

const passwords = new Map([["ann", "correct horse"], ["ben", "battery staple"]]);

/** The form, empty if the request has none. */
const formOf = (request: Request): Promise<FormData> => request.formData().catch(() => new FormData());

/** The account in normalized spelling. It reads a copy of the body, since the handler reads the body too. */
async function account({ request }: Context): Promise<string | null> {
  const name = (await formOf(request.clone())).get("account");
  return typeof name === "string" ? name.trim().toLowerCase().slice(0, 64) : null;
}

async function login(request: Request): Promise<Response> {
  const form = await formOf(request);
  const name = String(form.get("account")).trim().toLowerCase();
  const right = passwords.has(name) && passwords.get(name) === form.get("password");
  return right ? new Response(`Welcome, ${name}`) : new Response("Wrong", { status: 401 });
}

/** Was the password wrong? For `count: "failures"`, a redirect back to the form would be a success. */
const wrong = (response: Response): boolean =>
  response.status >= 400 || response.headers.get("location")?.startsWith("/login") === true;

const handler = withThrottle(login, [
  // Only wrong passwords count. Each try is charged first, so parallel tries cannot bypass the limit.
  { name: "address", on: "POST /login", rate: "20/15min", count: wrong },
  // Against many addresses that try one account. While it refuses, it refuses the right password too: if that
  // hurts, exempt devices that logged in before by `unless`, or ask for a captcha in `reject`.
  { name: "account", on: "POST /login", rate: "5/15min", count: wrong, key: account },
], {
  client: { trustedProxies: ["127.0.0.1"] }, // the proxy in front of this server names the client
});

export default { fetch: handler };
