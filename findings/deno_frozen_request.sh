#!/bin/sh
# Deno 2.9.6: Object.freeze(request) makes `request.url` and `request.method` throw a TypeError, unless they were read before,
# as the getters keep what they found on the object itself. Web IDL's attributes do not depend on whether an object is
# extensible, and Node's and Bun's requests answer. A rate limiter that is handed a frozen request cannot match its path.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund deno@2.9.6 bun@1.4.5 >/dev/null 2>&1

cat > frozen.mjs <<'END'
const attempt = (read) => {
  try {
    return read();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
const fresh = Object.freeze(new Request("https://example.com/a", { method: "POST" }));
const known = new Request("https://example.com/a", { method: "POST" });
void [known.url, known.method];
Object.freeze(known);
console.log(JSON.stringify({
  url: attempt(() => fresh.url),
  method: attempt(() => fresh.method),
  header: attempt(() => fresh.headers.get("x-none")),
  urlReadBefore: attempt(() => known.url),
}));
END

echo "node $(node --version)"
on_node=$(node frozen.mjs)
echo "$on_node"
echo "bun $(npx bun --version)"
on_bun=$(npx bun frozen.mjs)
echo "$on_bun"
npx deno --version | head -n 1
on_deno=$(npx deno run --quiet frozen.mjs)
echo "$on_deno"

right='{"url":"https://example.com/a","method":"POST","header":null,"urlReadBefore":"https://example.com/a"}'
[ "$on_node" = "$right" ] && [ "$on_bun" = "$right" ] || { echo "Node or Bun answers otherwise now."; exit 1; }
case $on_deno in
  *'"url":"TypeError'*'"method":"TypeError'*'"urlReadBefore":"https://example.com/a"'*) ;;
  *) echo "Deno answers otherwise now."; exit 1 ;;
esac
