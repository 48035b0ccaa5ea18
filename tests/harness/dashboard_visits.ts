import { assertEquals } from "@std/assert";
import { mkdirSync } from "node:fs";
import { after, before } from "node:test";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { startChromium, type Watched, watchedPage } from "./browser.ts";
import { dashboardScene, MOUNT, type Scene, type SceneOptions } from "./dashboard_scene.ts";
import { serve, type Served } from "./serve.ts";

/** Screenshots are kept here, out of git. */
export const SHOTS = ".artefacts/dashboard";

/** The screen of a visit where nothing else is said. */
const SCREEN: BrowserContextOptions = { viewport: { width: 1280, height: 800 } };

/** A scene that listens. */
export type ServedScene = Scene & Served;

/** A browser to look at dashboards with. */
export interface Visits {
  /** Serves a scene until the suite ends. */
  served(options?: SceneOptions): Promise<ServedScene>;
  /**
   * Goes to a page of a scene's dashboard, does something there, and fails if anything went wrong meanwhile.
   *
   * @param path Below the mount.
   * @param options Of the browser's context. Visits with the same object have the same context and its one page, one after
   *   the other, as opening those takes longer than a visit: a visit that leaves something behind takes an object of its own.
   */
  visit(
    scene: Served,
    path: string,
    act: (watched: Watched) => Promise<void>,
    options?: BrowserContextOptions,
  ): Promise<void>;
}

/** Starts Chromium before the tests of the suite that this is called in, and ends all that was started after them. */
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
      await watched.page.goto("about:blank"); // what was there before asks nothing more
      watched.watch(url);
      const response = await watched.page.goto(url + MOUNT + path);
      await act(watched);
      // Of a page with such a status the browser itself writes one line.
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
