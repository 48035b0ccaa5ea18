import { assertEquals } from "@std/assert";
import { after, before, describe, it } from "node:test";
import { Client } from "pg";
import { literalOf } from "../../../src/stores/postgres/literal.ts";
import { type Postgres, startPostgres, withoutPostgres } from "../../harness/postgres.ts";

const TEXTS = [
  "",
  "plain",
  "'; DROP TABLE weir; --",
  `\\'"\\\\ E'\\' /* $1 ? :name {fn}`,
  "$",
  "$$ $1 $weir $weir$ $weir0$",
  "$weir0$ and $weir1$ and $weir2$",
  "ends like its mark $weir0",
  "ends like its marks $weir0$ $weir1",
  "ж 漢 𝄞 \u2028\r\n\t\x01",
];

describe("a literal of Postgres", { skip: withoutPostgres }, () => {
  let postgres: Postgres;
  let client: Client;
  before(async () => {
    postgres = await startPostgres();
    client = new Client(postgres.url);
    await client.connect();
  });
  after(async () => {
    await client?.end();
    await postgres?.stop();
  });

  for (const isStandard of ["on", "off"]) {
    it(`is the text, whatever that holds, with standard_conforming_strings ${isStandard}`, async () => {
      await client.query(`SET standard_conforming_strings = ${isStandard}`);
      for (const text of TEXTS) {
        const { rows } = await client.query(`SELECT (${literalOf(text)})::text AS answer`);
        assertEquals(rows, [{ answer: text }]);
      }
    });
  }
});
