#!/bin/sh
# graphql-rate-limit 3.3.0 with `enableBatchRequestCache: true`, which is there to count aliases: the mutations of one document,
# which GraphQL runs one after the other, are counted again with each later one. Four use up ten of ten (1 + 2 + 3 + 4), and the
# fifth is refused. Without the option, and in a query, whose fields run together, each counts once.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund graphql-rate-limit@3.3.0 graphql@16.15.0 node@24.21.0 >/dev/null 2>&1

cat > try.cjs <<'END'
const { graphql, GraphQLObjectType, GraphQLSchema, GraphQLString } = require("graphql");
const { getGraphQLRateLimiter } = require("graphql-rate-limit");

/** One document with nine aliases, where ten may pass: how many ran, and how a tenth in a document of its own ends. */
async function trial(kind, enableBatchRequestCache) {
  const limiter = getGraphQLRateLimiter({ identifyContext: ({ user }) => user, enableBatchRequestCache });
  let ran = 0;
  async function resolve(parent, args, context, info) {
    const refusal = await limiter({ parent, args, context, info }, { max: 10, window: "60s" });
    if (refusal) throw new Error(refusal);
    ran++;
    return "sent";
  }
  const fields = { send: { type: GraphQLString, resolve } };
  const [query, mutation] = ["Query", "Mutation"].map((name) => new GraphQLObjectType({ name, fields }));
  const schema = new GraphQLSchema({ query, mutation });
  const aliases = Array.from({ length: 9 }, (_, i) => `n${i}: send`).join(" ");
  // A context of its own for each document, as servers make them.
  await graphql({ schema, source: `${kind} { ${aliases} }`, contextValue: { user: "ann" } });
  const first = ran;
  const { errors } = await graphql({ schema, source: `${kind} { send }`, contextValue: { user: "ann" } });
  const tenth = errors ? errors[0].message : "ran";
  console.log(`${kind}, enableBatchRequestCache: ${enableBatchRequestCache}: ${first} of 9 ran; the tenth: ${tenth}`);
  return `${first} ${errors ? "refused" : "ran"}`;
}
async function main() {
  console.log("graphql-rate-limit", require("./node_modules/graphql-rate-limit/package.json").version);
  console.log("nine in one document, then one more, where ten per minute may pass");
  const found = [];
  for (const kind of ["query", "mutation"]) for (const cached of [false, true]) found.push(await trial(kind, cached));
  process.exit(found.join() === "9 ran,9 ran,9 ran,4 refused" ? 0 : 1);
}
main();
END
echo "node $(npx node --version)"
npx node try.cjs
