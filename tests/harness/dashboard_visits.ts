import { assertEquals } from "@std/assert";
import { mkdirSync } from "node:fs";
import { after, before } from "node:test";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { startChromium, type Watched, watchedPage } from "./browser.ts";
import { dashboardScene, MOUNT, type Scene, type SceneOptions } from "./dashboard_scene.ts";
import { serve, type Served } from "./serve.ts";

/** The folder of screenshots, ignored by git. */
export const SHOTS = ".artefacts/dashboard";

/** The default screen of a visit. */
const SCREEN: BrowserContextOptions = { viewport: { width: 1280, height: 800 } };

/** A scene with a server. */
export type ServedScene = Scene & Served;

/** A browser for dashboards. */
export interface Visits {
  /** Serves a scene until the suite ends. */
  served(options?: SceneOptions): Promise<ServedScene>;
  /**
   * Opens a page of a scene's dashboard, acts on it, and fails if there was any problem.
   *
   * @param path The path below the mount.
   * @param options Options of the browser's context. Visits with the same object share a context and its only
   * page, since opening those takes longer than a visit; a visit that changes its context needs its own
   * object.
   */
  visit(
    scene: Served,
    path: string,
    act: (watched: Watched) => Promise<void>,
    options?: BrowserContextOptions,
  ): Promise<void>;
}

/** Starts Chromium before the tests of the calling suite, and stops everything after them. */
export function visits(): Visits {
  let browser: Browser;
  const servers: Served[] = [];
  const pages = new Map<BrowserContextOptions, Promise<Watched>>();
  before(async () => {
    mkdirSync(SHOTS, { recursive: true });
    browser = await startChromium();
  });
  after(async () => {
    await browser?.close();
    for (const server of servers) await server.close();
  });
  return {
    async served(options) {
      const scene = dashboardScene(options);
      const server = await serve(scene.app.fetch);
      servers.push(server);
      return { ...scene, ...server };
    },
    async visit({ url }, path, act, options = SCREEN) {
      if (!pages.has(options)) pages.set(options, watchedPage(browser, options));
      const watched = await pages.get(options)!;
      await watched.page.goto("about:blank"); // the old page sends no more requests
      watched.watch(url);
      const response = await watched.page.goto(url + MOUNT + path);
      await act(watched);
      // The browser itself logs one line about a page with such a status.
      const expected = response!.ok() ? [] : [`the server responded with a status of ${response!.status()}`];
      const { mishaps } = watched;
      assertEquals(
        mishaps.filter((mishap, i) => !mishap.includes(expected[i] ?? "\0")),
        [],
        mishaps.join("\n"),
      );
    },
  };
}
