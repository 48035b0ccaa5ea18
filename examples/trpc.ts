/** `deno serve --allow-env=NODE_ENV examples/trpc.ts`: tRPC, with a limit for all HTTP requests and one for each call of a procedure. */
import { createThrottle, type Rejection, withThrottle } from "@weir/throttle";
import { initTRPC, TRPCError } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";

interface Context {
  readonly request: Request;
  readonly platform: readonly unknown[]; // the server's argument: it has the address
  readonly headers: Headers;
}
const t = initTRPC.context<Context>().create();

// On the procedure: one HTTP request can contain many calls, /trpc/login,login,login, and each must count.
const logins = createThrottle({ name: "login", rate: "5/15min" });
const limited = t.procedure.use(async ({ ctx, next }) => {
  const outcome = await logins.check(ctx.request, ...ctx.platform);
  for (const [name, value] of outcome.headers) ctx.headers.set(name, value);
  if (!outcome.allowed) throw new TRPCError({ code: "TOO_MANY_REQUESTS", message: "Too many logins." });
  return next();
});

const router = t.router({
  hello: t.procedure.query(() => "hello"),
  login: limited.mutation(() => "welcome"),
});

const app = (request: Request, ...platform: unknown[]) =>
  fetchRequestHandler({
    endpoint: "/trpc",
    req: request,
    router,
    createContext: ({ resHeaders: headers }) => ({ request, platform, headers }),
  });
// In the form that tRPC's clients read a code from.
const reject: Rejection = () => {
  const data = { code: "TOO_MANY_REQUESTS", httpStatus: 429 };
  return Response.json({ error: { message: "Too many requests.", code: -32029, data } }, { status: 429 });
};

export default { fetch: withThrottle(app, "20/min", { reject }) };
