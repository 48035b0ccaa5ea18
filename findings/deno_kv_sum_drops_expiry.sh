#!/bin/sh
# Deno 2.9.6: in Deno KV, `sum` on a value that was set with `expireIn` drops the expiry, and has no option for a new one: the
# value then stays for ever, where its neighbour, set at the same time and left alone, is gone. Redis's INCR keeps the expiry of
# its key. A counter per window, made by a set with `expireIn` and a sum per request, never starts again.
# Takes a minute: Deno looks for expired values once per minute.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.6 >/dev/null 2>&1

cat > sum.mjs <<'END'
const kv = await Deno.openKv(":memory:");
const one = new Deno.KvU64(1n);
const keys = [["left alone"], ["summed"], ["set again"]];
for (const key of keys) await kv.set(key, one, { expireIn: 1000 });
await kv.atomic().sum(["summed"], 1n).commit();
await kv.set(["set again"], new Deno.KvU64(2n), { expireIn: 1000 });

const from = Date.now();
const values = async () => (await kv.getMany(keys)).map(({ value }) => value?.value ?? null);
const show = (found) => console.log(`after ${Math.round((Date.now() - from) / 1000)} s:`,
  keys.map(([name], i) => `${name} ${found[i]}`).join(", "));
show(await values());
// Both of the others have to be gone; then the summed one has had its time, and more.
let found;
do {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  found = await values();
} while ((found[0] !== null || found[2] !== null) && Date.now() - from < 150_000);
show(found);
kv.close();
Deno.exit(found[0] === null && found[1] === 2n && found[2] === null ? 0 : 1);
END
npx deno --version | head -n 1
npx deno run --quiet --unstable-kv sum.mjs
