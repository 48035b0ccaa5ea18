import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** The path of Chromium: `npm test` sets it in WEIR_CHROMIUM. */
const PROGRAM = [process.env.WEIR_CHROMIUM, "/usr/bin/chromium"].find((path) => path && existsSync(path));

if (PROGRAM === undefined && process.env.CI) {
  throw new Error("No chromium: set WEIR_CHROMIUM to its path. In CI no test is skipped.");
}

/** The `skip` of a test that needs a real browser: false, or the reason. */
export const withoutChromium: string | false = PROGRAM === undefined &&
  "no chromium: apt-get install chromium, or set WEIR_CHROMIUM to its path";

/** Starts Chromium without its own network requests. */
export function startChromium(): Promise<Browser> {
  const quiet = ["quic", "background-networking", "component-update", "sync", "gpu"];
  return chromium.launch({
    executablePath: PROGRAM!,
    args: ["--no-sandbox", "--no-first-run", ...quiet.map((feature) => `--disable-${feature}`)],
  });
}

/** A watched page. */
export interface Watched {
  readonly page: Page;
  /** Problems of the page: errors on the console, uncaught ones, dialogs, requests to other origins. */
  readonly mishaps: string[];
  /** Every request that it made. */
  readonly requests: string[];
  /** Forgets the problems, and allows only requests to `origin` from now on. */
  watch(origin: string): void;
}

/** Opens an empty page, which ends with its browser. */
export async function watchedPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const page = await (await browser.newContext(options)).newPage();
  let allowed = "";
  const mishaps: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) mishaps.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => mishaps.push(`uncaught: ${error.message}`));
  page.on("dialog", (dialog) => {
    mishaps.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    requests.push(request.url());
    const { protocol, origin: asked } = new URL(request.url());
    if (protocol !== "data:" && asked !== allowed) mishaps.push(`request: ${request.url()}`);
  });
  return {
    page,
    mishaps,
    requests,
    watch(origin) {
      allowed = origin;
      mishaps.length = requests.length = 0;
    },
  };
}

const AXE = readFileSync("node_modules/axe-core/axe.min.js", "utf8");

/**
 * The accessibility problems that axe-core finds: findings of impact "serious" and "critical".
 *
 * @param only The only rule to apply. Default: all.
 */
export async function seriousFindings(page: Page, only?: "color-contrast"): Promise<string[]> {
  // Evaluated rather than added as a script, which the page's policy forbids.
  if (await page.evaluate("typeof axe === 'undefined'")) await page.evaluate(AXE);
  const options = { resultTypes: ["violations"], ...only && { runOnly: [only] } };
  const violations = await page.evaluate(
    `axe.run(document, ${JSON.stringify(options)}).then(({ violations }) => violations)`,
  ) as { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`));
}
