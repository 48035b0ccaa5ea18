/** Access logs of many servers, read as the requests that they tell of. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "node:test";
import { byGlobal } from "../../mod.ts";
import { readLog, replay } from "../../src/replay/mod.ts";
import { chunksOf, debianLog, listOf } from "./logs.ts";

/** Requests and broken lines of the logs that Debian's servers wrote, counted by hand. */
const DEBIAN: readonly (readonly [name: string, format: string, requests: number, broken: number])[] = [
  ["apache-combined", "combined", 27, 1],
  ["apache-common", "combined", 27, 1],
  ["apache-vhost_combined", "combined", 27, 1],
  // Bytes as \xc3 are no JSON.
  ["apache-json", "json", 24, 4],
  ["nginx-combined", "combined", 49, 2],
  ["nginx-main", "combined", 49, 2],
  ["nginx-upstream", "combined", 49, 2],
  ["nginx-json", "json", 49, 2],
  ["haproxy-clf", "combined", 20, 4],
  ["haproxy-httplog", "haproxy", 23, 4],
  ["haproxy-httpslog", "haproxy", 2, 0],
  ["haproxy-rfc5424", "haproxy", 20, 4],
  ["haproxy-json", "json", 21, 5],
  ["caddy-json", "caddy", 25, 0],
  ["caddy-console", "caddy", 2, 0],
  ["lighttpd-default", "combined", 22, 1],
];

const read = (text: string, format?: string) =>
  readLog(chunksOf(text), format === undefined ? {} : { format });

async function only(text: string) {
  const requests = read(text);
  const list = await listOf(requests);
  assertEquals(list.length, 1);
  return { request: list[0], formats: requests.summary.formats };
}

const START = Date.UTC(2026, 10, 29, 4, 30);
const line = (second: number, path: string, agent = '"a"') =>
  `192.0.2.1 - - [29/Nov/2026:04:30:${
    String(second).padStart(2, "0")
  } +0000] "GET ${path} HTTP/1.1" 200 5 "-" ${agent}\n`;

describe("readLog", () => {
  for (const [name, format, requests, broken] of DEBIAN) {
    it(`reads ${name}.log, ${requests} requests and ${broken} lines that are none`, async () => {
      const log = readLog(debianLog(name));
      const list = await listOf(log);
      const { summary } = log;
      assertEquals([summary.formats, summary.requests, summary.broken], [[format], requests, broken]);
      assertEquals(summary.lines, requests + broken);
      assertEquals(list.length, requests);
      assertEquals(summary.samples.length, Math.min(5, broken));
      assert(list.every(({ at }, i) => i === 0 || at >= list[i - 1].at), "in the order of their times");
      assert(list.every(({ at }) => at > START && at < START + 60_000), "on the day they were made");
      assert(list.every(({ url }) => URL.canParse(url)));
      assert(list.every(({ address }) => ["127.0.0.1", "::1", null].includes(address)));
    });
  }

  it("takes the start of a request for its time, whichever of both a server logs", async () => {
    for (const name of ["nginx-json", "apache-json", "haproxy-httplog", "haproxy-json", "caddy-json"]) {
      const paths = (await listOf(readLog(debianLog(name)))).map(({ url }) => new URL(url).pathname);
      const slow = paths.indexOf("/slow/order");
      const other = paths.indexOf("/app/order");
      // It began 150 ms earlier and ended 550 ms later.
      assert(slow !== -1 && slow < other, name);
    }
  });

  it("reads what servers escape, each in its way", async () => {
    for (
      const name of ["nginx-combined", "apache-combined", "lighttpd-default", "caddy-json", "nginx-json"]
    ) {
      const list = await listOf(readLog(debianLog(name)));
      assert(list.some(({ userAgent }) => userAgent === 'My "quoted" agent\\1.0'), name);
      const raw = list.filter(({ url }) => /\/caf%C3%A9\.txt$/i.test(new URL(url).pathname));
      assert(raw.length >= 2, `${name}: the path with raw bytes is the encoded one`);
    }
  });

  it("reads absolute targets and hosts beside the target", async () => {
    const [first] = await listOf(readLog(debianLog("haproxy-httpslog")));
    assertEquals(first.url, "https://127.0.0.1:8862/app/h2?x=1");
    const vhost = await listOf(readLog(debianLog("apache-vhost_combined")));
    assertEquals(
      new Set(vhost.map(({ url }) => url.split("/")[2])),
      new Set(["localhost:80", "localhost:8843", "localhost:8844"]),
    );
    const lighttpd = await listOf(readLog(debianLog("lighttpd-default")));
    assertEquals(lighttpd[0].url, "http://localhost:8881/page.html");
  });

  it("parts address and port, also where no brackets hold the address", async () => {
    const list = await listOf(readLog(debianLog("haproxy-httplog")));
    assertEquals(list.filter(({ address }) => address === "::1").length, 1);
  });

  it("takes an address out of brackets, and from the port behind it, in any format", async () => {
    const addresses = ["192.0.2.7:50220", "[2001:db8::7]:443", "[2001:db8::7]", "[192.0.2.7]", "192.0.2.7"];
    const lines = addresses.flatMap((address) => [
      `${address} - - [29/Nov/2026:04:30:00 +0000] "GET / HTTP/1.1" 200 5\n`,
      `198.51.100.1, ${address} - ada [29/Nov/2026:04:30:00 +0000] "GET / HTTP/1.1" 200 5\n`,
    ]);
    const list = await listOf(readLog(chunksOf(lines.join(""))));
    const wanted = addresses.map((address) => address.includes("d") ? "2001:db8::7" : "192.0.2.7");
    assertEquals(list.map(({ address }) => address), wanted.flatMap((address) => [address, address]));
    // The addresses before the last are no host.
    assertEquals(new Set(list.map(({ url }) => url)), new Set(["http://localhost/"]));
    const none = [
      "192.0.2.7:",
      "[192.0.2.7",
      "[]",
      "[]:80",
      "192.0.2:80",
      "host:80",
      "[[192.0.2.7]]",
      "0.0.0.0",
      "192.0.2.256",
      "192.0.02.7",
      "192.0.2.7.1",
    ];
    const others = none.map((text) => `${text} - - [29/Nov/2026:04:30:00 +0000] "GET / HTTP/1.1" 200 5\n`);
    assertEquals(
      new Set((await listOf(readLog(chunksOf(others.join(""))))).map(({ address }) => address)),
      new Set([null]),
    );
  });

  it("takes a day that no month has for no time, and the last days of months for theirs", async () => {
    const days = ["31/Feb/2026", "29/Feb/2026", "31/Nov/2026", "00/Nov/2026", "28/Feb/2026", "29/Feb/2028"];
    const lines = days.map((day) => `192.0.2.7 - - [${day}:04:30:00 +0000] "GET / HTTP/1.1" 200 5\n`);
    const log = readLog(chunksOf(lines.join("")));
    const times = [Date.UTC(2026, 1, 28, 4, 30), Date.UTC(2028, 1, 29, 4, 30)];
    assertEquals((await listOf(log)).map(({ at }) => at), times);
    assertEquals(log.summary.broken, 4);
    const json = ["2026-02-31", "2026-02-28", "2028-02-29", "2026-02-29"].map((day) =>
      `{"time":"${day}T04:30:00Z","remote_addr":"192.0.2.7","request":"GET / HTTP/1.1","status":200}\n`
    );
    assertEquals((await listOf(readLog(chunksOf(json.join(""))))).map(({ at }) => at), times);
  });

  it("has no address for a Unix socket, and counts such requests", async () => {
    const log = readLog(debianLog("nginx-combined"));
    const list = await listOf(log);
    assertEquals(list.filter(({ address }) => address === null).map(({ url }) => url), [
      "http://localhost/page.html?unix=1",
    ]);
    assertEquals(log.summary.withoutAddress, 1);
  });

  it("leaves paths as they were sent, as production gets them", async () => {
    for (const name of ["nginx-combined", "apache-combined", "lighttpd-default"]) {
      const targets = (await listOf(readLog(debianLog(name)))).map(({ url }) =>
        url.slice(url.indexOf("/", 8))
      );
      assert(targets.includes("//dir/../page.html"), name);
      assert(targets.includes("/a%20b.txt"), name);
    }
  });

  it("has the sizes of responses, but none of those that are not complete", async () => {
    const sizesOf = async (name: string) =>
      (await listOf(readLog(debianLog(name)))).map(({ bytes }) => bytes);
    assertEquals((await sizesOf("nginx-combined")).slice(0, 2), [5, 5]);
    assertEquals((await sizesOf("caddy-json"))[0], 5);
    assertEquals((await sizesOf("haproxy-httplog"))[0], 137);
    // Written by `option logasap`, with a plus.
    assertEquals(new Set(await sizesOf("haproxy-rfc5424")), new Set([undefined]));
  });

  it("has the user that a log names", async () => {
    const list = await listOf(readLog(debianLog("nginx-combined")));
    assertEquals(list.filter(({ identity }) => identity?.id === "alice").length, 2);
    const lineOf = (user: string, status: number) =>
      `192.0.2.7 - ${user} [29/Nov/2026:04:30:00 +0000] "GET / HTTP/1.1" ${status} 5\n`;
    const users = [
      lineOf("ann", 200),
      lineOf("bob", 401),
      lineOf("cy", 403),
      lineOf('""', 200),
      lineOf("-", 200),
    ];
    assertEquals(
      (await listOf(readLog(chunksOf(users.join(""))))).map(({ identity }) => identity?.id),
      // A name whose password was refused identifies nobody.
      ["ann", undefined, "cy", undefined, undefined],
    );
  });

  it("reads a log that comes in one piece, however many lines it has", async () => {
    const line = '192.0.2.7 - - [29/Nov/2026:04:30:00 +0000] "GET / HTTP/1.1" 200 5\n';
    const whole = (async function* () {
      yield await Promise.resolve(line.repeat(200_000));
    })();
    const log = readLog(whole);
    await listOf(log);
    assertEquals([log.summary.lines, log.summary.requests], [200_000, 200_000]);
  });

  it("has the whole name of a user, and never takes a part of it for the address, where the log has addresses", async () => {
    // nginx and Apache write a name as the client sent it by Basic authentication.
    const names = [
      "al ice",
      "a - b",
      "198.51.100.9 - x",
      "198.51.100.9 x",
      " lead",
      "trail ",
      "[x] y",
      "- -",
      "a  b",
    ];
    for (
      const before of ["", "shop.example:8080 ", "Nov 29 04:30:00 web nginx: ", "<190>1 - web nginx - - - "]
    ) {
      const lines = names.map((name) =>
        `${before}192.0.2.7 - ${name} [29/Nov/2026:04:30:00 +0000] "GET / HTTP/1.1" 200 5 "-" "a - b"\n`
      );
      const list = await listOf(readLog(chunksOf(lines.join(""))));
      assertEquals(list.map(({ address }) => address), names.map(() => "192.0.2.7"), before);
      assertEquals(list.map(({ identity }) => identity?.id), names, before);
      const host = before.startsWith("shop") ? "shop.example:8080" : "localhost";
      assertEquals(new Set(list.map(({ url }) => url)), new Set([`http://${host}/`]), before);
    }
    const [socket] = await listOf(
      readLog(chunksOf('unix: - al ice [29/Nov/2026:04:30:00 +0000] "GET / HTTP/1.1" 200 5\n')),
    );
    assertEquals([socket.address, socket.identity?.id], [null, "al ice"]);
  });

  it("has no status for a request whose client left before there was one", async () => {
    for (const name of ["haproxy-httplog", "haproxy-clf", "caddy-json"]) {
      const list = await listOf(readLog(debianLog(name)));
      const upload = list.find(({ url }) => url.endsWith("/app/upload"));
      assertEquals([upload?.method, upload?.status], ["POST", undefined], name);
    }
  });

  it("takes no line for a request whose time no Date can hold, so that such a line fails no replay", async () => {
    for (const seconds of ["1e30", "1e300", "-1e30", "1e400"]) {
      const row = (time: string) => `{"ts":${time},"remote_addr":"192.0.2.1","method":"GET","uri":"/"}\n`;
      const text = row("1795926614.018").repeat(3) + row(seconds);
      const log = read(text);
      assertEquals((await listOf(log)).length, 3, seconds);
      assertEquals([log.summary.requests, log.summary.broken], [3, 1]);
      const { requests, to } = await replay(read(text), { rules: "1/min" });
      assertEquals([requests, to], [3, "2026-11-29T04:30:14.018Z"]);
    }
  });

  it("counts the lines of a user agent that holds newlines or quotes, and shows a sample", async () => {
    const log = read(
      line(1, "/a") + line(2, "/b", '"half') + ' agent"\n' + line(3, "/c", '"with "quotes" in it"'),
    );
    assertEquals((await listOf(log)).map(({ url }) => url.slice(16)), ["/a", "/b", "/c"]);
    assertEquals(log.summary.broken, 1);
    assertEquals(log.summary.samples, [{ line: 3, text: ' agent"' }]);
  });

  it("merges logs by time; requests of one time stay in the order of their lines", async () => {
    const newer = chunksOf(line(5, "/5a") + line(5, "/5b") + line(9, "/9"));
    const older = chunksOf(line(1, "/1") + line(5, "/5c") + line(7, "/7"));
    const list = await listOf(readLog([newer, older]));
    assertEquals(list.map(({ url }) => url.slice(17)), ["1", "5a", "5b", "5c", "7", "9"]);
  });

  it("puts the days of one log in order that stand newest first", async () => {
    const list = await listOf(read(line(30, "/c") + line(31, "/d") + line(10, "/a") + line(11, "/b")));
    assertEquals(list.map(({ url }) => url.slice(17)), ["a", "b", "c", "d"]);
  });

  it("puts many in order, of which a replay then has all", async () => {
    // More than a block of them, in which they are held.
    const lines = Array.from({ length: 70_000 }, (_, i) => line((i * 37) % 60, `/${i % 7}`));
    const rules = [{ rate: "1/s", key: byGlobal() }, { rate: "1/s", on: "/6" }];
    const { rules: [all, some] } = await replay(read(lines.join("")), { rules });
    assertEquals([all.asked, all.refused, some.asked], [70_000, 70_000 - 60, 10_000]);
  });

  it("can be read again where the source can", async () => {
    const log = readLog({ [Symbol.asyncIterator]: () => chunksOf(line(1, "/"))[Symbol.asyncIterator]() });
    assertEquals((await listOf(log)).length, 1);
    assertEquals((await listOf(log)).length, 1);
    assertEquals(log.summary.lines, 1);
  });

  it("says of a log that it does not understand how it begins and which formats it knows", async () => {
    const error = await assertRejects(() => listOf(readLog(debianLog("haproxy-default"))), TypeError);
    assert(error.message.includes("Connect from 127.0.0.1"), error.message);
    assert(error.message.includes("combined, haproxy, envoy"), error.message);
  });

  it("says how to name the members of a JSON log whose names it does not know", async () => {
    const error = await assertRejects(() => listOf(read('{"when":"2026-11-29","visitor":"192.0.2.1"}\n')));
    assert((error as Error).message.includes("by --field start=NAME --field address=NAME"), String(error));
  });

  it("gives up on a log of which it understands nothing in twenty thousand lines", async () => {
    let lines = 0;
    const endless = (async function* () {
      for (;; lines += 1000) yield await Promise.resolve("nothing\n".repeat(1000));
    })();
    await assertRejects(() => listOf(readLog(endless)), TypeError, "Cannot read this log");
    assertEquals(lines, 19_000);
  });

  it("reads an empty log as one without requests", async () => {
    for (const [text, lines] of [["", 0], ["\n\n", 0]] as const) {
      const log = read(text);
      assertEquals(await listOf(log), []);
      const { summary } = log;
      assertEquals([summary.lines, summary.from, summary.wholeSeconds], [lines, null, false]);
    }
  });

  it("refuses a format that it does not know", () => {
    assertThrows(() => read("", "iis"), TypeError, 'format must be one of "traefik", "combined"');
  });

  it("finds the format in a chunk whose requests come after more broken lines than are kept", async () => {
    const line = '192.0.2.7 - - [29/Nov/2026:04:30:00 +0000] "GET / HTTP/1.1" 200 5\n';
    const chunks = (async function* () {
      yield await Promise.resolve("broken\n".repeat(19_000));
      yield "broken\n".repeat(1001) + line.repeat(500);
    })();
    const log = readLog(chunks);
    await listOf(log);
    assertEquals([log.summary.lines, log.summary.requests], [20_501, 500]);
  });

  it("finds the format behind a long list of broken lines", async () => {
    const log = read(' "half an agent"\n'.repeat(5000) + line(1, "/"));
    assertEquals([(await listOf(log)).length, log.summary.broken], [1, 5000]);
  });
});

describe("readLog, formats of proxies and platforms", () => {
  it("reads Traefik's CLF, whose time is the start", async () => {
    const { request, formats } = await only(
      '192.0.2.7 - bob [29/Nov/2026:05:30:01 +0100] "GET /api?x=1 HTTP/2.0" 200 19 "-" "curl/8" 12 "web@docker" "http://10.0.0.2:80" 250ms\n',
    );
    assertEquals(formats, ["traefik"]);
    assertEquals(request, {
      ...{ at: START + 1000, method: "GET", url: "http://localhost/api?x=1", address: "192.0.2.7" },
      ...{ status: 200, bytes: 19, durationMs: 250, userAgent: "curl/8", identity: { id: "bob" } },
    });
  });

  it("reads Traefik's JSON, whose durations are nanoseconds", async () => {
    const { request, formats } = await only(
      '{"ClientHost":"192.0.2.7","ClientUsername":"-","DownstreamStatus":404,"Duration":1500000,"RequestAddr":"shop.example","RequestHost":"shop.example","RequestMethod":"GET","RequestPath":"/a?b=1","RequestProtocol":"HTTP/1.1","RequestScheme":"https","StartUTC":"2026-11-29T04:30:01.123456789Z","request_User-Agent":"curl/8","level":"info","time":"2026-11-29T04:30:01Z"}\n',
    );
    assertEquals(formats, ["traefik-json"]);
    assertEquals(request, {
      ...{ at: START + 1123, method: "GET", url: "https://shop.example/a?b=1", address: "192.0.2.7" },
      ...{ status: 404, durationMs: 1.5, userAgent: "curl/8" },
    });
  });

  it("reads Envoy's default line, and Istio's", async () => {
    const envoy = await only(
      '[2026-11-29T04:30:01.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "198.51.100.9, 192.0.2.7" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "tcp://10.0.2.1:80"\n',
    );
    assertEquals(envoy.formats, ["envoy"]);
    assertEquals(envoy.request, {
      ...{ at: START + 1310, method: "POST", url: "http://locations/api/v1/locations", address: "192.0.2.7" },
      ...{ status: 204, bytes: 0, durationMs: 226, userAgent: "nsq2http" },
    });
    const istio = await only(
      '[2026-11-29T04:30:01.310Z] "GET /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 4 3 "-" "curl/7.73.0" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" "10.44.1.27:80" outbound|8000||httpbin.foo.svc.cluster.local 10.44.1.23:37652 10.0.45.184:8000 192.0.2.8:46520 - default\n',
    );
    assertEquals(istio.request, {
      ...{ at: START + 1310, method: "GET", url: "http://httpbin:8000/status/418", address: "192.0.2.8" },
      ...{ status: 418, bytes: 135, durationMs: 4, userAgent: "curl/7.73.0" },
    });
  });

  it("reads the line of an AWS load balancer, by the time at which the request was created", async () => {
    const { request, formats } = await only(
      'https 2026-11-29T04:30:02.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.0.2.7:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/a?b=1 HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn:aws:acm:us-east-2:123456789012:certificate/12345678" 1 2026-11-29T04:30:02.015000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-"\n',
    );
    assertEquals(formats, ["alb"]);
    assertEquals(request, {
      ...{ at: START + 2015, method: "GET", url: "https://www.example.com:443/a?b=1", address: "192.0.2.7" },
      ...{ status: 200, bytes: 57, durationMs: 171, userAgent: "curl/7.46.0" },
    });
  });

  it("takes no line of an AWS load balancer for a request that it could not read itself", async () => {
    const line = (status: number, target: string) =>
      `http 2026-11-29T04:30:02.186641Z app/a/50dc 192.0.2.7:2817 - -1 -1 -1 ${status} - 0 57 "${target}" "-" - - - "-" "-" "-" - 2026-11-29T04:30:02.015000Z "-" "-" "-" "-" "-" "-" "-"\n`;
    const log = read(line(200, "GET http://a.example:80/ HTTP/1.1") + line(400, "- http://a.example:80- -"));
    assertEquals((await listOf(log)).map(({ status, url }) => [status, url]), [[
      200,
      "http://a.example:80/",
    ]]);
    assertEquals([log.summary.requests, log.summary.broken], [1, 1]);
  });

  it("reads CloudFront by its heading, and takes off the time that a request took", async () => {
    const fields =
      "date time c-ip cs-method cs(Host) cs-uri-stem sc-status cs(User-Agent) cs-uri-query x-host-header " +
      "cs-protocol time-taken";
    const values =
      "2026-11-29|04:30:02|2001:db8::7|GET|d1.cloudfront.net|/a.html|200|curl%2520x|b=1|www.example.com|https|0.250";
    const text = `#Version: 1.0\n#Fields: ${fields}\n${values.replaceAll("|", "\t")}\n`;
    const { request, formats } = await only(text);
    assertEquals(formats, ["cloudfront"]);
    assertEquals(request, {
      ...{
        at: START + 1750,
        method: "GET",
        url: "https://www.example.com/a.html?b=1",
        address: "2001:db8::7",
      },
      ...{ status: 200, durationMs: 250, userAgent: "curl x" },
    });
    const log = read(text);
    await listOf(log);
    assertEquals([log.summary.lines, log.summary.requests, log.summary.broken], [3, 1, 0]);
  });

  it("reads Cloudflare's Logpush, in each form of its times", async () => {
    for (const time of [START * 1_000_000, START / 1000, `"${new Date(START).toISOString()}"`]) {
      const { request, formats } = await only(
        `{"ClientIP":"192.0.2.7","ClientRequestHost":"www.example.com","ClientRequestMethod":"GET","ClientRequestURI":"/a?b=1","ClientRequestScheme":"https","ClientRequestUserAgent":"curl/8","EdgeStartTimestamp":${time},"EdgeEndTimestamp":${time},"EdgeResponseStatus":429}\n`,
      );
      assertEquals(formats, ["cloudflare"]);
      assertEquals(request, {
        ...{ at: START, method: "GET", url: "https://www.example.com/a?b=1", address: "192.0.2.7" },
        ...{ status: 429, durationMs: 0, userAgent: "curl/8" },
      });
    }
  });

  it("reads Vercel's drains, where a request has a line for each of its messages", async () => {
    const message = (id: string, text: string) =>
      `{"id":"${id}","message":"${text}","timestamp":${
        START + 20
      },"requestId":"r1","source":"lambda","proxy":{"timestamp":${START},"method":"GET","scheme":"https","host":"my.vercel.app","path":"/a?b=1","userAgent":["curl/8"],"clientIp":"192.0.2.7","statusCode":200}}\n`;
    const { request, formats } = await only(message("1", "one") + message("2", "two"));
    assertEquals(formats, ["vercel"]);
    assertEquals(request, {
      ...{ at: START, method: "GET", url: "https://my.vercel.app/a?b=1", address: "192.0.2.7", status: 200 },
      userAgent: "curl/8",
    });
  });

  it("reads the lines of logTo", async () => {
    const { request, formats } = await only(
      `{"event":"denied","at":"2026-11-29T04:30:00.000Z","rule":"login","route":"/login","method":"POST","limit":5,"window":900,"retry_after":9,"key":"192.0.2.7"}\n`,
    );
    assertEquals(formats, ["weir"]);
    assertEquals(request, {
      ...{ at: START, method: "POST", url: "http://localhost/login", address: "192.0.2.7", status: 429 },
      identity: { id: "192.0.2.7" },
    });
  });

  it("reads JSON of Node's loggers, with objects in it", async () => {
    const { request, formats } = await only(
      `{"level":30,"time":${
        START + 250
      },"req":{"method":"GET","url":"/a","headers":{"host":"example.com","user-agent":"curl/8"},"remoteAddress":"::ffff:192.0.2.7"},"res":{"statusCode":200},"responseTime":250,"msg":"request completed"}\n`,
    );
    assertEquals(formats, ["json"]);
    assertEquals(request, {
      ...{ at: START, method: "GET", url: "http://example.com/a", address: "192.0.2.7", status: 200 },
      ...{ durationMs: 250, userAgent: "curl/8" },
    });
  });
});
