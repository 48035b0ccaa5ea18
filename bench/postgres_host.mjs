/** A Postgres for the section "postgres", `fsync` on. Bun runs it, since Bun reads the tests' harness without a build. */
import process from "node:process";
import { startPostgres } from "../tests/harness/postgres.ts";

const postgres = await startPostgres(["max_connections=50"]);
console.log(JSON.stringify({ url: postgres.url }));
process.stdin.resume().on("end", async () => {
  await postgres.stop();
  process.exit(0);
});
