#!/bin/sh
# In the winter of 2026 Node 24.21.0 (time zone database 2026c) is an hour apart from Bun 1.4.5 and from Deno 2.9.6, which calls
# its database 2026b, about America/Vancouver, America/Edmonton and Africa/Casablanca: all three have given up changing their
# clocks this year. So a day or a month in Vancouver begins an hour later on Bun and Deno than on Node, and where processes of
# two runtimes share a quota of that day or month, it begins twice.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.6 bun@1.4.5 node@24.21.0 >/dev/null 2>&1

cat > month.mjs <<'END'
const at = Date.UTC(2026, 11, 1, 7, 30);
const zones = ["America/Vancouver", "America/Edmonton", "Africa/Casablanca", "Europe/Lisbon"];
console.log(zones.map((timeZone) => {
  const options = { timeZone, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return `${timeZone} ${new Intl.DateTimeFormat("en-US", options).format(at)}`;
}).join("; "));
END

echo "2026-12-01T07:30:00Z is"
on_node=$(npx node month.mjs)
echo "node $(npx node --version), tz $(npx node -p process.versions.tz): $on_node"
on_bun=$(npx bun month.mjs)
echo "bun $(npx bun --version): $on_bun"
on_deno=$(npx deno run --quiet month.mjs)
echo "deno, tz $(npx deno eval 'console.log(process.versions.tz)'): $on_deno"
echo "$on_node" | grep -q "^America/Vancouver Dec 1.*00:30; America/Edmonton Dec 1.*01:30; Africa/Casablanca Dec 1.*07:30;"
for other in "$on_bun" "$on_deno"; do
  echo "$other" | grep -q "^America/Vancouver Nov 30.*23:30; America/Edmonton Dec 1.*00:30; Africa/Casablanca Dec 1.*08:30;"
done
