/** `deno serve --allow-env examples/yoga.ts`: GraphQL Yoga, with a limit for all HTTP requests and one for each run of a mutation. */
import { createThrottle, withThrottle } from "@weir/throttle";
import { GraphQLError } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";

interface Context {
  readonly request: Request;
  readonly platform: readonly unknown[]; // the server's argument: it has the address
}

const logins = createThrottle({ name: "login", rate: "5/15min" });

const schema = createSchema<Context>({
  typeDefs: "type Query { hello: String! } type Mutation { login(password: String!): String! }",
  resolvers: {
    Query: { hello: () => "hello" },
    Mutation: {
      // On the resolver: every request goes to /graphql, and one document can contain many logins under
      // aliases.
      async login(_root, _args, { request, platform }) {
        const { allowed, headers } = await logins.check(request, ...platform);
        const http = { status: 429, headers: Object.fromEntries(headers) };
        if (!allowed) throw new GraphQLError("Too many logins.", { extensions: { http } });
        return "welcome";
      },
    },
  },
});
const yoga = createYoga<{ platform: readonly unknown[] }>({ schema, logging: false });

export default {
  fetch: withThrottle(
    (request: Request, ...platform: unknown[]) => yoga.fetch(request, { platform }),
    "20/min",
  ),
};
