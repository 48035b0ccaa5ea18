/** `deno serve examples/api_keys.ts`: a quota per customer key. */
// Try: curl -i -H "x-api-key: key-of-acme" localhost:8000
import { byApiKey, withThrottle } from "@weir/throttle";

/**
 * Keep hashes in a real list of keys. An invented key has no quota of its own, so that no client can create
 * quotas.
 */
const customers = new Map([["key-of-acme", "Acme"], ["key-of-emca", "Emca"]]);

const handler = withThrottle(
  (request: Request) => {
    const customer = customers.get(request.headers.get("x-api-key") ?? "") ?? "stranger";
    return new Response(`Hello ${customer}`);
  },
  [
    { name: "address", rate: "600/min" }, // runs before keys are verified
    {
      name: "customer",
      rate: "10/min",
      key: byApiKey({
        verify: (key) => customers.get(key), // the customer, whose keys share the quota; or a promise, from a database
        secret: "a pepper, from the environment", // a reader of the store cannot try keys against its hashes
      }),
    },
  ],
);

export default { fetch: handler };
