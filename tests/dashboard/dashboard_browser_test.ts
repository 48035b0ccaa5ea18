/** The dashboard in people's hands: in a real Chromium, over real servers. */
import { assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { before, it } from "node:test";
import type { Page } from "playwright-core";
import { byHeader } from "../../mod.ts";
import { withoutChromium } from "../harness/browser.ts";
import { MOUNT } from "../harness/dashboard_scene.ts";
import { type ServedScene, SHOTS, visits } from "../harness/dashboard_visits.ts";
import { burst, get, statuses } from "../harness/http.ts";
import { describeOnNode } from "../harness/runtime.ts";
import { serve } from "../harness/serve.ts";
import { until } from "../harness/until.ts";

/** Markup that would say so if it ran. */
const HOSTILE = `<img src=x onerror="alert(1);hacked=1"><script>hacked=1</script>`;

/** A value on the page by its name, as a list of figures shows it. */
const figure = (page: Page, name: string) =>
  page.locator(".figure").filter({ has: page.getByText(name, { exact: true }) }).first().locator("dd");

const WITHOUT_JAVASCRIPT = { javaScriptEnabled: false };

const login = (from: string) => ({ method: "POST", headers: { "x-from": from } });

describeOnNode("the dashboard in Chromium", { skip: withoutChromium }, () => {
  const { served, visit } = visits();
  let scene: ServedScene;
  before(async () => scene = await served());

  for (
    const [how, options, client] of [
      ["with", undefined, "198.51.100.1"],
      ["without", WITHOUT_JAVASCRIPT, "198.51.100.2"],
    ] as const
  ) {
    it(`leads to a key that is refused, tells why, and resets it, ${how} JavaScript`, async () => {
      const sent = await burst(`${scene.url}/login`, 10, login(client), 1);
      assertEquals(statuses(sent), { 401: 5, 429: 5 });
      await visit(scene, "", async ({ page }) => {
        await page.getByRole("link", { name: "Clients" }).click();
        await page.getByRole("link", { name: client }).click();
        await page.getByLabel("Rule").selectOption("login");
        await page.getByRole("button", { name: "Look up" }).click();
        assertMatch(await page.locator(".alarm").innerText(), /^Refused: blocked for 1 h more/);
        assertMatch(await figure(page, "Used").innerText(), /^5 of 5/);

        await page.getByRole("button", { name: "Reset this key" }).click();
        assertEquals(new URL(page.url()).pathname, `${MOUNT}/lookup`);
        assertEquals(await page.locator(".passes").allInnerTexts(), [
          "This key was reset.",
          "One more request passes.",
        ]);
        assertMatch(await figure(page, "Used").innerText(), /^0 of 5/);
      }, options);
      assertEquals((await get(`${scene.url}/login`, login(client))).status, 401);
    });
  }

  for (const [how, options] of [["with", undefined], ["without", WITHOUT_JAVASCRIPT]] as const) {
    it(`explains a request rule by rule, and leads to the key of one, ${how} JavaScript`, async () => {
      await visit(scene, "/lookup", async ({ page }) => {
        await page.getByRole("textbox", { name: "Request" }).fill("POST /login");
        await page.getByLabel("Address").fill("198.51.100.7");
        await page.getByRole("button", { name: "Explain" }).click();
        assertMatch(
          await page.locator(".passes").innerText(),
          /^The request "POST \/login" would be allowed now\.$/,
        );
        assertMatch(await page.locator("h3").first().innerText(), / allows$/);
        await page.getByText("As text, to send on").click();
        assertMatch(await page.locator("pre").innerText(), /\nRule "login" \(5 per /);
        await page.getByRole("link", { name: "192.0.2.1" }).first().click();
        assertMatch(await page.getByLabel("Key").inputValue(), /^192\.0\.2\.1$/);
      }, options);
    });
  }

  it("is complete without JavaScript: every page by its link, every chart with its table", async () => {
    await visit(scene, "", async ({ page }) => {
      assertStringIncludes(await page.locator("body").innerText(), "Without JavaScript");
      await page.getByText("The numbers: By hour").click();
      assertEquals(await page.getByRole("region", { name: "By hour" }).getByRole("row").count(), 25);
      for (const name of ["Rules", "Routes", "Clients", "Look up", "Overview"]) {
        await page.getByRole("link", { name, exact: true }).click();
        assertEquals(await page.locator("h1").innerText(), name);
        assertEquals(await page.locator("[aria-current=page]").innerText(), name);
      }
    }, WITHOUT_JAVASCRIPT);
  });

  it("refreshes itself without loading the page again, and says when it cannot", async () => {
    const scene = await served();
    let kept = true;
    await visit(scene, "", async ({ page, requests, mishaps }) => {
      await page.clock.install();
      await page.clock.pauseAt(Date.now() + 3_600_000); // else it goes on by itself, on a slow machine to the next refresh
      await page.reload();
      await page.evaluate("here = true");
      assertEquals(await figure(page, "Requests").innerText(), "0\nthis hour");
      await burst(scene.url, 3);
      const loads = requests.length;
      await page.clock.runFor(5000);
      // Not by page.waitForFunction(): what is not so at once it looks for by `eval`, which the page's policy refuses.
      await figure(page, "Requests").filter({ hasText: /^3/ }).waitFor();
      assertEquals(requests.slice(loads), [scene.url + MOUNT]);
      assertEquals(await page.evaluate("typeof here"), "boolean");

      await page.getByText("The numbers: By hour").click();
      await burst(scene.url, 3);
      await page.clock.runFor(20_000);
      assertEquals(requests.length, loads + 1, "Refreshed while its table was read");
      await page.getByText("The numbers: By hour").click();
      await page.getByRole("heading", { level: 1 }).click();

      assertEquals(await page.locator("#stale").isVisible(), false);
      await page.route("**", (route) => kept ? route.fulfill({ status: 502, body: "" }) : route.continue());
      await page.clock.runFor(5000);
      await page.locator("#stale").waitFor({ state: "visible" });
      assertMatch(mishaps.splice(0).join(), /^[^,]*status of 502[^,]*$/);
      kept = false;
      await page.clock.runFor(5000);
      await page.locator("#stale").waitFor({ state: "hidden" });
      assertMatch(await figure(page, "Requests").innerText(), /^6/);
    }, {}); // a page of its own, as its clock stays
  });

  it("resets nothing for a page of another origin, and stands in no frame of one", async () => {
    const client = "198.51.100.3";
    await burst(`${scene.url}/login`, 10, login(client), 1);
    const page = `<!doctype html><iframe src="${scene.url}${MOUNT}"></iframe>
      <form method="post" action="${scene.url}${MOUNT}/reset">
      <input name="rule" value="login"><input name="key" value="${client}"><button>Win</button></form>`;
    const elsewhere = await serve(() => new Response(page, { headers: { "content-type": "text/html" } }));
    try {
      await visit(scene, "", async ({ page, mishaps }) => {
        await page.goto(elsewhere.url);
        assertEquals(await page.frames()[1].evaluate("document.querySelector('main')"), null);
        const answer = page.waitForResponse(`${scene.url}${MOUNT}/reset`);
        await page.getByRole("button", { name: "Win" }).click();
        assertEquals((await answer).status(), 403);
        await page.waitForLoadState();
        mishaps.length = 0;
      });
    } finally {
      await elsewhere.close();
    }
    assertEquals((await get(`${scene.url}/login`, login(client))).status, 429);
  });

  it("shows markup in routes, rules, clients, keys and errors as the text that it is", async () => {
    const folder = HOSTILE.replaceAll("/", "|");
    const rules = [{ name: "all", rate: "1/min", key: byHeader("x-hostile"), on: `/${folder}/*` }];
    const scene = await served({ rules });
    const url = `${scene.url}/${encodeURIComponent(folder)}/${encodeURIComponent(HOSTILE)}`;
    const sent = await burst(url, 2, { headers: { "x-hostile": HOSTILE } });
    assertEquals(statuses(sent), { 204: 1, 429: 1 });
    // Text that other instances may have written where statistics are shared.
    const decision = await scene.throttle.usage("all", HOSTILE);
    const event = { at: scene.clock.now, method: HOSTILE, route: HOSTILE, key: HOSTILE };
    scene.statistics({ ...event, type: "denied", decisions: [{ ...decision, rule: HOSTILE }] });
    scene.statistics({ ...event, type: "store", state: "failing", error: new Error(HOSTILE), decisions: [] });

    const lookups = [HOSTILE, "all"].map((rule) => new URLSearchParams({ rule, key: `">${HOSTILE}` }));
    for (
      const [i, path] of [
        "",
        "/rules",
        "/routes",
        "/clients",
        ...lookups.map((query) => `/lookup?${query}`),
      ].entries()
    ) {
      await visit(scene, path, async ({ page }) => {
        assertStringIncludes(await page.locator("main").innerText(), HOSTILE, path);
        assertEquals(await page.locator("main :is(img, script)").count(), 0, path);
        assertEquals(await page.evaluate("typeof hacked"), "undefined", path);
        await page.screenshot({ path: `${SHOTS}/hostile-${i}.png`, fullPage: true });
      });
    }
    const request = "/x<script>hacked=1</script>";
    await visit(scene, `/lookup?${new URLSearchParams({ request })}`, async ({ page }) => {
      assertStringIncludes(await page.locator("#explained").innerText(), request);
      assertEquals(await page.locator("main script").count(), 0);
      assertEquals(await page.evaluate("typeof hacked"), "undefined");
    });
  });

  it("runs no script that is not its own, should one ever get in", async () => {
    await visit(scene, "", async ({ page, mishaps }) => {
      await page.evaluate(
        `document.body.append(document.createRange().createContextualFragment(${
          JSON.stringify(`${HOSTILE}<style>body { display: none }</style><p style="color: red">`)
        }))`,
      );
      const refused = () => mishaps.filter((mishap) => mishap.includes("Content Security Policy"));
      // Of the image's handler, the script and the style.
      await until(() =>
        ["script", "style"].every((part) => refused().some((mishap) => mishap.includes(part)))
      );
      assertEquals(await page.evaluate("typeof hacked"), "undefined");
      assertNotEquals(
        await page.locator("body").evaluate("(body) => getComputedStyle(body).display"),
        "none",
      );
      mishaps.length = 0;
    });
  });
});
