#!/bin/sh
# Deno 2.9.6: where two processes open one file with Deno.openKv(), an atomic operation that has a check may reject with
# "TypeError: database is locked" at once, also where the two write different keys. Operations without a check wait for each
# other. `commit()` documents `ok: false` as the outcome for a check that does not hold, and nothing else for one that came
# second: a store that compares versions has to try again on this error too. Nothing of the operation was done.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.6 >/dev/null 2>&1

cat > write.mjs <<'END'
const kv = await Deno.openKv("./kv.sqlite");
const [name, hasChecks] = [Deno.args[0], Deno.args[1] === "checked"];
let isDone = 0;
const heard = new Map();
const end = performance.now() + 4000;
for (let i = 0; performance.now() < end; i++) {
  // Keys of its own: no two processes write the same value.
  const key = [name, i % 10];
  const { versionstamp } = await kv.get(key);
  const operation = hasChecks ? kv.atomic().check({ key, versionstamp }) : kv.atomic();
  const outcome = await operation.set(key, i).commit()
    .then(({ ok }) => `ok: ${ok}`, (error) => `${error.name}: ${error.message}`);
  if (outcome.includes("locked") && (await kv.get(key)).versionstamp !== versionstamp) isDone++;
  heard.set(outcome, (heard.get(outcome) ?? 0) + 1);
}
console.log(name, Deno.args[1], JSON.stringify(Object.fromEntries(heard)), `${isDone} rejected ones were done`);
kv.close();
END

npx deno --version | head -n 1
npx deno eval --unstable-kv 'const kv = await Deno.openKv("./kv.sqlite"); await kv.set(["x"], 1); kv.close();'
for kind in checked unchecked; do
  npx deno run -A --unstable-kv --quiet write.mjs one "$kind" > "one_$kind.txt" 2>&1 &
  npx deno run -A --unstable-kv --quiet write.mjs two "$kind" > "two_$kind.txt" 2>&1
  wait
done
cat one_*.txt two_*.txt
grep -q "TypeError: database is locked" one_checked.txt two_checked.txt || {
  echo "Deno KV waits for the other process now."
  exit 1
}
[ "$(cat one_*.txt two_*.txt | grep -c '} 0 rejected')" = 4 ] || { echo "A rejected operation was done."; exit 1; }
! grep -q "database is locked" one_unchecked.txt two_unchecked.txt || {
  echo "Operations without a check do not wait now."
  exit 1
}
