#!/bin/sh
# unstorage 1.17.6, the storage of Nitro and Nuxt, takes keys that differ for one: it writes one colon for several, a colon for each
# slash, and nothing of what follows a question mark. So the IPv6 addresses 2001:db8::1:2 and 2001:db8:1::2 have one counter, and a
# limit per address refuses the second client for what the first one asked. ::1 is "1", the key of a user with that number.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund unstorage@1.17.6 node@24.21.0 >/dev/null 2>&1

cat > try.mjs <<'END'
import { readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { createStorage } from "unstorage";

const limit = 3;
/** A limiter as plain as can be: a counter per key. Whether each request passes. */
async function verdicts(keys) {
  const storage = createStorage();
  const passed = [];
  for (const key of keys) {
    const count = ((await storage.getItem(key)) ?? 0) + 1;
    await storage.setItem(key, count);
    passed.push(count <= limit ? "." : "r");
  }
  return { passed: passed.join(""), keys: await storage.getKeys() };
}
const pairs = [
  ["192.0.2.1", "192.0.2.2"],
  ["2001:db8::1:2", "2001:db8:1::2"],
  ["login:2001:db8::5:1", "login:2001:db8:5::1"],
  ["::1", "1"],
  ["/search?user=ann", "/search?user=ben"],
  ["team/ann", "team:ann"],
];
console.log("unstorage", JSON.parse(readFileSync("node_modules/unstorage/package.json", "utf8")).version);
console.log(`three requests under one key, three under the other, where ${limit} may pass under each (r: refused)`);
const found = [];
for (const [one, other] of pairs) {
  const { passed, keys } = await verdicts([one, one, one, other, other, other]);
  console.log(`  ${one}, then ${other}: ${passed}, stored as ${keys.join(", ")}`);
  found.push(passed);
}
const [ipv4, ...others] = found;
const isSo = pairs[1].every(isIPv6) && ipv4 === "......" && others.every((passed) => passed === "...rrr");
process.exit(isSo ? 0 : 1);
END
echo "node $(npx node --version)"
npx node try.mjs
