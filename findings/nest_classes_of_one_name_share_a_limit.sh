#!/bin/sh
# @nestjs/throttler 6.7.1 counts per name of the controller's class and of its method, not per route: two controllers whose classes
# have one name, such as UsersController of /admin/users and of /users, share one count, so that a client that used up the one is
# refused at the other. All other routes have a count of their own each, as one limit for the whole app has.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @nestjs/throttler@6.7.1 @nestjs/common@12.5.1 @nestjs/core@12.5.1 \
  @nestjs/platform-express@12.5.1 reflect-metadata@0.2.2 rxjs@7.8.2 node@24.21.0 >/dev/null 2>&1

cat > try.cjs <<'END'
require("reflect-metadata");
const { Controller, Get, Module } = require("@nestjs/common");
const { APP_GUARD, NestFactory } = require("@nestjs/core");
const { ThrottlerGuard, ThrottlerModule } = require("@nestjs/throttler");

/** A controller in a file of its own, as it were. */
function controller(name, path) {
  const { [name]: Class } = {
    [name]: class {
      list() {
        return path;
      }
      read() {
        return path;
      }
    },
  };
  for (const [method, at] of [["list", ""], ["read", "one"]]) {
    Get(at)(Class.prototype, method, Object.getOwnPropertyDescriptor(Class.prototype, method));
  }
  Controller(path)(Class);
  return Class;
}
/** Three requests to one route, then one to others, where three may pass. */
async function statuses(...names) {
  class App {}
  Module({
    imports: [ThrottlerModule.forRoot([{ ttl: 60_000, limit: 3 }])],
    controllers: [controller(names[0], "admin/users"), controller(names[1], "users")],
    providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
  })(App);
  const app = await NestFactory.create(App, { logger: false });
  await app.listen(0, "127.0.0.1");
  const found = [];
  for (const path of ["admin/users", "admin/users", "admin/users", "admin/users/one", "users"]) {
    found.push(`/${path} ${(await fetch(`${await app.getUrl()}/${path}`)).status}`);
  }
  await app.close();
  console.log(`classes ${names.join(" and ")}: ${found.join(", ")}`);
  return found.at(-1);
}
async function main() {
  console.log(`@nestjs/throttler ${require("./node_modules/@nestjs/throttler/package.json").version}`);
  const same = await statuses("UsersController", "UsersController");
  const other = await statuses("AdminUsersController", "UsersController");
  process.exit(same === "/users 429" && other === "/users 200" ? 0 : 1);
}
main();
END
echo "node $(npx node --version)"
npx node try.cjs
