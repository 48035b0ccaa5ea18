/** The pages that `weir` writes: in a real Chromium, from a file, without a script. */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { main } from "../../src/cli/mod.ts";
import {
  seriousFindings,
  startChromium,
  type Watched,
  watchedPage,
  withoutChromium,
} from "../harness/browser.ts";
import { SHOTS } from "../harness/dashboard_visits.ts";
import { describeOnNode } from "../harness/runtime.ts";
import { bruteForce, combinedLog, seededHits } from "../replay/brute_force.ts";
import { chunksOf } from "../replay/logs.ts";

const DEVICES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

const hits = seededHits(4, 900);
const RULES = [{ name: "api", rate: "3/10s", on: "/api/*" }, { name: "all", rate: "20/min", mode: "shadow" }];
const NEXT = [{ name: "next", rate: "10/min" }];
/** A client that writes into the log whatever a page could run. */
const HOSTILE = combinedLog([{
  ...{ at: hits[0].at, method: "GET", client: "192.0.2.1" },
  path: "/<script>alert(1)</script><img/src=x/onerror=alert(1)>",
}]).repeat(30);

/** The page that a command writes. */
async function pageOf(words: readonly string[], log: string): Promise<string> {
  let html = "";
  const code = await main([...words, "--html", "page.html", "--json", "-"], {
    read: () => chunksOf(log) as AsyncIterable<Uint8Array>,
    load: (path) => Promise.resolve({ default: path === "rules" ? RULES : NEXT }),
    write: (_, text) => html = text,
    out: () => {},
    err: (text) => {
      throw new Error(text);
    },
  });
  assertEquals(code, 0);
  return html;
}

const replayWords = ["replay", "access.log", "--rules", "rules", "--compare", "next"];
const suggestWords = ["suggest", "access.log", "--route", "*", "--route", "/api/*"];

/** The pages by the names of their screenshots. */
const PAGES = {
  "weir-replay": () => pageOf(replayWords, combinedLog(hits) + HOSTILE),
  "weir-replay-empty": () => pageOf(replayWords, ""),
  "weir-suggest": () => pageOf(suggestWords, combinedLog(hits)),
  "weir-suggest-empty": () => pageOf(suggestWords, ""),
};

describe("the pages of weir", () => {
  it("ask nobody for anything and run nothing, whatever the log holds", async () => {
    for (const page of Object.values(PAGES)) {
      const html = await page();
      assert(!/<script|<iframe|javascript:/i.test(html), html.slice(0, 2000));
      assertEquals([...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link]) => link), ["data:,"]);
      assert(!/url\(|@import/.test(html));
    }
  });

  it("show what would be refused, by route and by client, and the comparison", async () => {
    const html = await pageOf(replayWords, combinedLog(hits));
    const { refused, rules: [api] } = bruteForce(hits, [
      { algorithm: "fixed", limit: 3, windowMs: 10_000, on: "/api/*" },
    ]);
    assert(refused > 0);
    const [[worst]] = [...api.refusedOf].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    for (
      const text of [
        ...[
          "Requests, per ",
          "Would be refused, per ",
          "Refused by client, all rules",
          `<code>${worst}</code>`,
        ],
        ...["Rule api: refused by route", "<code>/api/*</code>", "shadow", "Compared with next"],
        ...["Clients that differ most under next", "The log does not show", `<dd>${refused} <small>`],
      ]
    ) assert(html.includes(text), text);
  });

  it("draw the curve of each window with its suggestion, and have its numbers in a table", async () => {
    const html = await pageOf(suggestWords, combinedLog(hits));
    assertEquals(html.match(/<figure class="chart curve"/g)?.length, 12);
    assertEquals(html.match(/<line class="mark"/g)?.length, 12);
    for (const window of ["1s", "10s", "1min", "10min", "1h", "1d"]) {
      assert(html.includes(`Within ${window}`) && html.includes(` per ${window}</text>`), window);
    }
    assert(html.includes("{ name: &quot;ip-1min&quot;, rate: &quot;"), "rules to paste");
    assert(!html.includes("NaN"));
  });
});

describeOnNode(
  "the pages of weir on a desktop and a phone, in light and dark",
  { skip: withoutChromium },
  () => {
    let browser: Browser;
    /** One for each device, as to open one takes longer than to look at a page. */
    let screens: Readonly<Record<keyof typeof DEVICES, Watched>>;
    before(async () => {
      mkdirSync(SHOTS, { recursive: true });
      browser = await startChromium();
      const { desktop, phone } = DEVICES;
      screens = { desktop: await watchedPage(browser, desktop), phone: await watchedPage(browser, phone) };
    });
    after(() => browser.close());

    for (const [name, html] of Object.entries(PAGES)) {
      for (const device of ["desktop", "phone"] as const) {
        it(`${name} on a ${device} is accessible, keeps within its width and asks nobody`, async () => {
          const file = resolve(SHOTS, `${name}.html`);
          writeFileSync(file, await html());
          const url = pathToFileURL(file).href;
          const { page, mishaps, requests, watch } = screens[device];
          for (const colorScheme of ["light", "dark"] as const) {
            await page.emulateMedia({ colorScheme });
            watch("null"); // the origin of a file
            await page.goto(url);
            assertEquals(await seriousFindings(page), [], colorScheme);
            const width = await page.evaluate("document.documentElement.scrollWidth") as number;
            assertLessOrEqual(width, DEVICES[device].viewport.width);
            assertEquals(requests.filter((each) => each !== url && each !== "data:,"), []);
            assertEquals(mishaps, []);
            await page.screenshot({ path: `${SHOTS}/${name}-${device}-${colorScheme}.png`, fullPage: true });
          }
        });
      }
    }

    it("says the same without JavaScript", async () => {
      const file = resolve(SHOTS, "weir-suggest.html");
      writeFileSync(file, await PAGES["weir-suggest"]());
      const context = await browser.newContext({ javaScriptEnabled: false });
      const page = await context.newPage();
      await page.goto(pathToFileURL(file).href);
      assert(await page.locator("svg path.stroke").first().isVisible());
      await page.locator("summary").first().click();
      assert(await page.locator("details table").first().isVisible());
      await context.close();
    });
  },
);
