/** How the dashboard looks: in a real Chromium, from a real server with a day of traffic behind it. */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { before, describe, it } from "node:test";
import { memoryStore, type Stats } from "../../mod.ts";
import { type FaultyStore, faultyStore } from "../../src/testing/faulty_store.ts";
import { seriousFindings, withoutChromium } from "../harness/browser.ts";
import { LONGEST_NAME, MOUNT } from "../harness/dashboard_scene.ts";
import { type ServedScene, SHOTS, type Visits, visits } from "../harness/dashboard_visits.ts";
import { get } from "../harness/http.ts";
import { describeOnNode } from "../harness/runtime.ts";

const DEVICES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

/** Pages by the names of their screenshots. */
const PAGES = {
  overview: "",
  rules: "/rules",
  routes: "/routes",
  clients: "/clients",
  "lookup-form": "/lookup",
  "lookup-blocked": "/lookup?rule=login&key=198.51.100.23",
  "lookup-passes": `/lookup?rule=${LONGEST_NAME}&key=203.0.113.6`,
  "lookup-unknown": "/lookup?rule=nothing&key=203.0.113.6",
  "lookup-dynamic": "/lookup?rule=plan&key=203.0.113.6",
  "lookup-explained": "/lookup?request=POST+/login&address=192.0.2.1",
  "lookup-explained-long": `/lookup?request=POST+/${"a".repeat(500)}&address=192.0.2.1`,
};
const ALL = Object.keys(PAGES) as (keyof typeof PAGES)[];

/** As if a million times as much had happened. */
const million = (statistics: Stats): Stats =>
  Object.assign((event: Parameters<Stats>[0]) => statistics(event), {
    ...statistics,
    async read(options?: { minutes?: number }) {
      const unchanged = ["at", "start", "since", "limit", "window_ms"];
      const text = JSON.stringify(
        await statistics.read(options),
        (name, value) => typeof value === "number" && !unchanged.includes(name) ? value * 1_234_567 : value,
      );
      return JSON.parse(text);
    },
  });

interface Setting {
  readonly title: string;
  /** Ends the names of its screenshots. */
  readonly suffix: string;
  readonly pages: readonly (keyof typeof PAGES)[];
  readonly devices: readonly (keyof typeof DEVICES)[];
  prepare({ served }: Visits): Promise<ServedScene>;
}

const SETTINGS: readonly Setting[] = [
  {
    title: "after a day of traffic",
    suffix: "",
    pages: ALL,
    devices: ["desktop", "phone"],
    async prepare({ served }) {
      const scene = await served();
      await scene.playDay();
      return scene;
    },
  },
  {
    title: "before the first request",
    suffix: "-empty",
    pages: ["overview", "rules", "clients"],
    devices: ["phone"],
    prepare: ({ served }) => served(),
  },
  {
    title: "with numbers of many digits",
    suffix: "-huge",
    pages: ["overview", "rules", "routes"],
    devices: ["phone"],
    async prepare({ served }) {
      const scene = await served({ shown: million });
      for (let i = 0; i < 30; i++) await get(`${scene.url}/api/items`);
      return scene;
    },
  },
  {
    title: "while the store fails",
    suffix: "-failing",
    pages: ["overview", "lookup-blocked"],
    devices: ["desktop"],
    async prepare({ served }) {
      let store!: FaultyStore;
      const scene = await served({ store: (clock) => store = faultyStore(memoryStore({ clock })) });
      store.fault = "reject";
      for (let i = 0; i < 10; i++) await get(scene.url);
      return scene;
    },
  },
];

describeOnNode("the dashboard on a desktop and a phone, in light and dark", { skip: withoutChromium }, () => {
  const all = visits();
  for (const { title, suffix, pages, devices, prepare } of SETTINGS) {
    describe(title, () => {
      let scene: ServedScene;
      before(async () => scene = await prepare(all));

      for (const name of pages) {
        devices.forEach((device, i) => {
          it(`${name} on a ${device} is accessible, keeps within its width and asks nobody else`, async () => {
            await all.visit(scene, PAGES[name], async ({ page, requests }) => {
              const shoot = (colorScheme: string) =>
                page.screenshot({
                  path: `${SHOTS}/${name}${suffix}-${device}-${colorScheme}.png`,
                  fullPage: true,
                });
              await page.emulateMedia({ colorScheme: "light" });
              assertEquals(await seriousFindings(page), []);
              await shoot("light");
              const width = await page.evaluate("document.documentElement.scrollWidth") as number;
              assertLessOrEqual(width, DEVICES[device].viewport.width);
              assert(requests.some((url) => url.endsWith(`${MOUNT}/style.css`)), requests.join());

              if (i > 0) return; // in the dark only colours are others, and they are those of any device
              await page.emulateMedia({ colorScheme: "dark" });
              assertEquals(await seriousFindings(page, "color-contrast"), []);
              await shoot("dark");
            }, DEVICES[device]);
          });
        });
      }
    });
  }
});
