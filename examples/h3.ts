/** `node scripts/platform.mjs node examples/h3.ts`: h3 on srvx, by middleware; in Nitro this is a file in `middleware/`. */
import { createThrottle, withThrottle } from "@weir/throttle";
import { defineMiddleware, H3, serve } from "h3";

const throttle = createThrottle("20/min");

/** Nitro: `export default` this, in middleware/limit.ts. */
const limit = defineMiddleware(async (event, next) => {
  const outcome = await throttle.check(event.req); // srvx's request has the address
  if (outcome.response !== null) return outcome.response;
  for (const [name, value] of outcome.headers) {
    event.res.headers.set(name, value);
    event.res.errHeaders?.set(name, value); // h3 sends only these with errors, 404 among them; Nitro 3.0.0 has none
  }
  return next();
});

const app = new H3();
app.use(limit);
app.get("/", () => "hello\n");
app.mount(
  "/login",
  withThrottle(() => new Response("wrong password\n", { status: 401 }), { name: "login", rate: "5/15min" }),
);

const server = serve(app, { silent: true }); // PORT or 3000
await server.ready();
console.log(`Listening on ${server.url}`);
