/** JSON logs whose members have names of their own. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import process from "node:process";
import { describe, it } from "node:test";
import { byApiKey } from "../../mod.ts";
import { type LogFields, readLog, replay, suggest } from "../../src/replay/mod.ts";
import { chunksOf, listOf } from "./logs.ts";

const AT = Date.UTC(2026, 10, 29, 4, 30);

const read = (lines: readonly object[], fields?: LogFields) =>
  readLog(
    chunksOf(lines.map((line) => `${JSON.stringify(line)}\n`).join("")),
    fields === undefined ? {} : { fields },
  );

/** A line of which no name is a usual one. */
const strange = {
  wann: new Date(AT).toISOString(),
  wie: "POST",
  wohin: "/api/orders?x=1",
  wer: { adresse: "192.0.2.7", konto: 4711, schluessel: "k-1" },
  ergebnis: "201",
  laenge: 17,
  dauer: 0.25,
  programm: "curl/8",
};
const fields: LogFields = {
  ...{ start: "wann", method: "wie", url: "wohin", address: "wer.adresse", status: "ergebnis" },
  ...{
    bytes: "laenge",
    seconds: "dauer",
    userAgent: "programm",
    user: "wer.konto",
    apiKey: "wer.schluessel",
  },
};

describe("readLog, fields", () => {
  it("reads members of any names, in objects too", async () => {
    assertEquals(await listOf(read([strange], fields)), [{
      ...{ at: AT, method: "POST", url: "http://localhost/api/orders?x=1", address: "192.0.2.7" },
      ...{ status: 201, bytes: 17, durationMs: 250, userAgent: "curl/8", identity: { id: "4711" } },
      headers: { "x-api-key": "k-1" },
    }]);
  });

  it("takes the duration off a time that is named as the end, in each of its units", async () => {
    for (const [unit, took] of [["seconds", 0.5], ["ms", 500], ["us", 500_000]] as const) {
      const line = { ended: AT, took, verb: "GET", path: "/" };
      const [request] = await listOf(read([line], { end: "ended", [unit]: "took" }));
      assertEquals([request.at, request.durationMs], [AT - 500, 500], unit);
    }
  });

  it("knows the usual names beside those that are given", async () => {
    const line = { begun: AT, method: "GET", uri: "/a", remote_addr: "192.0.2.7", status: 200 };
    const [request] = await listOf(read([line], { start: "begun" }));
    assertEquals([request.url, request.address, request.status], ["http://localhost/a", "192.0.2.7", 200]);
  });

  it("reads a request line and a host of any name", async () => {
    const line = {
      ts: AT / 1000,
      first: "GET /a?b HTTP/1.1",
      site: "shop.example",
      method: "none of HTTP's",
    };
    const [request] = await listOf(read([line], { requestLine: "first", host: "site" }));
    assertEquals([request.method, request.url], ["GET", "http://shop.example/a?b"]);
  });

  it("puts a query behind its path, and knows an encoded path from a decoded one", async () => {
    const line = (path: string, query: string) => ({
      ...{ time: AT, method: "GET", path, query, client_ip: "192.0.2.7", status: 200, user: "-" },
    });
    const list = await listOf(read([
      ...[line("/a", "x=1"), line("/a", "?x=1"), line("/a", ""), line("/a?y", "x=1"), line("/a", "-")],
      ...[line("/caf%C3%A9 b", ""), line("/café", "")],
    ]));
    assertEquals(list.map(({ url }) => url.slice("http://localhost".length)), [
      ...["/a?x=1", "/a?x=1", "/a", "/a?y", "/a", "/caf%C3%A9%20b", "/caf%C3%A9"],
    ]);
    assertEquals(list.filter(({ identity }) => identity !== undefined), []);
  });

  it("takes a time that is named as the start for one, though the usual duration counts to an end", async () => {
    const lines = [{ begun: AT, responseTime: 500, method: "GET", path: "/" }];
    assertEquals((await listOf(read(lines, { start: "begun" }))).map(({ at }) => at), [AT]);
    const [{ begun: time, ...rest }] = lines;
    assertEquals((await listOf(read([{ time, ...rest }]))).map(({ at }) => at), [AT - 500]);
  });

  it("passes over an object where a usual name has one", async () => {
    const line = { time: AT, method: "GET", path: "/", ip: "192.0.2.7", user: { name: "ann" }, user_id: 7 };
    assertEquals((await listOf(read([line]))).map(({ identity }) => identity), [{ id: "7" }]);
  });

  it("finds members that the first request has not", async () => {
    const line = (i: number, headers: object, rest: object = {}) => ({
      ...{ time: AT + i, req: { method: "GET", url: "/", remoteAddress: "192.0.2.7", headers }, ...rest },
    });
    const list = await listOf(read([
      line(0, {}),
      line(0, { "user-agent": "curl/7" }),
      line(1, { "user-agent": "curl/8", "x-api-key": "k-1" }, { res: { statusCode: 201 }, responseTime: 1 }),
      line(2, { "user-agent": "curl/9" }, { userId: 7 }),
    ]));
    const same = { at: AT, method: "GET", url: "http://localhost/", address: "192.0.2.7" };
    assertEquals(list, [
      same,
      { ...same, userAgent: "curl/7" },
      { ...same, status: 201, durationMs: 1, userAgent: "curl/8", headers: { "x-api-key": "k-1" } },
      { ...same, at: AT + 2, userAgent: "curl/9", identity: { id: "7" } },
    ]);
  });

  it("learns no name from a line that is no request, and takes requests of other names beside them", async () => {
    const log = read([
      { time: AT, code: "ready", path: "/etc/app.json", user: "root", msg: "read the settings" },
      { time: AT + 1, method: "GET", url: "/", client_ip: "192.0.2.7", status: 200, user_id: "ada" },
      { time: AT + 2, verb: "PUT", uri: "/b", remote_addr: "192.0.2.8", status_code: 204, user: "bob" },
      { time: AT + 3, method: "GET", url: "/c", client_ip: "192.0.2.9", status: 404, user_id: "cy" },
    ]);
    assertEquals(
      (await listOf(log)).map(({ method, url, address, status, identity }) =>
        [method, url.slice("http://localhost".length), address, status, identity?.id].join(" ")
      ),
      ["GET / 192.0.2.7 200 ada", "PUT /b 192.0.2.8 204 bob", "GET /c 192.0.2.9 404 cy"],
    );
    assertEquals(log.summary.broken, 1);
  });

  it("reads times as programs write them, in UTC where they have no zone, wherever the log is read", async () => {
    const before = process.env.TZ;
    process.env.TZ = "America/Sao_Paulo";
    try {
      assertEquals(new Date(AT).getHours(), 1);
      for (
        const time of [
          ...["2026-11-29T04:30:00", "2026-11-29 04:30", "2026-11-29 04:30:00,000", "2026-11-29t04:30:00z"],
          ...["2026-11-29T05:30:00.000000+01", "2026-11-29T05:30:00 +0100", "2026-11-28T23:00:00.0-05:30"],
          ...["29/Nov/2026:04:30:00", "29/Nov/2026:05:30:00 +0100", "Sun, 29 Nov 2026 04:30:00 GMT"],
        ]
      ) {
        const line = { time, method: "GET", url: "/", client_ip: "192.0.2.7", status: 200 };
        assertEquals((await listOf(read([line]))).map(({ at }) => at), [AT], time);
      }
    } finally {
      // Deno keeps the time zone of a variable that is deleted.
      process.env.TZ = before ?? "UTC";
      if (before === undefined) delete process.env.TZ;
    }
  });

  it("finds an API key by the usual names, and gives it to rules as the header", async () => {
    const line = (i: number, key: string | null) => ({
      ...{ time: AT + i, method: "GET", uri: "/", client_ip: "192.0.2.7", status: 200 },
      ...key === null ? {} : { headers: { "x-api-key": key } },
    });
    const log = () => read([line(0, "a"), line(1, "a"), line(2, "b"), line(3, null), line(4, null)]);
    const { rules: [counted] } = await replay(log(), { rules: { rate: "1/min", key: byApiKey() } });
    assertEquals([counted.asked, counted.refused, counted.clients], [5, 2, 3]);
    const { suggestions } = await suggest(log(), { windows: ["1min"] });
    assertEquals(suggestions.map(({ key, clients, max }) => [key, clients, max]), [["ip", 1, 5], [
      "api-key",
      2,
      2,
    ]]);
  });

  it("suggests for API keys a rule that leaves requests without one alone", async () => {
    const keys = [..."aaaaaab", ...Array(20).fill(null)];
    const log = () =>
      keys.map((key, i) => ({
        ...{ at: AT + i, method: "GET", url: "http://localhost/", address: "192.0.2.7" },
        ...key === null ? {} : { headers: { "x-api-key": key } },
      }));
    const { suggestions: [found] } = await suggest(log(), { windows: ["1min"], keys: ["api-key"] });
    const rule = new Function("byApiKey", `return ${found.rule}`)(byApiKey);
    const { rules: [counted] } = await replay(log(), { rules: { ...rule, rate: "5/min" } });
    assertEquals([found.max, counted.asked, counted.refused], [6, 7, 1]);
  });

  it("refuses fields that there are not, and fields of another format", () => {
    assertThrows(
      () => read([], { adress: "x" } as never),
      TypeError,
      "fields takes no option but start, end",
    );
    assertThrows(() => read([], { address: "" }), TypeError, "address must be a text");
    const combined = () => readLog(chunksOf(""), { format: "combined", fields: { address: "x" } });
    const error = assertThrows(combined, TypeError);
    assert(error.message.includes('fields are those of the format "json"'), error.message);
  });
});
