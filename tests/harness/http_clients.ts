/** HTTP clients from npm, set up as in their documentation: each requests a URL, and throws when it gives up. */
import { readFileSync } from "node:fs";

/** Requests a URL with the client's own retries; throws when it gives up. */
export type Ask = (url: string) => Promise<unknown>;

/** A client. */
export interface HttpClient {
  /** Its name in docs/headers.md. */
  readonly name: string;
  /** The package whose version is shown. */
  readonly from: string;
  /** Loads it. */
  load(): Promise<Ask>;
}

/** The installed version of a package. */
export function versionOf(name: string): string {
  return JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
}

async function throttlingOctokit(): Promise<Ask> {
  const { Octokit } = await import("@octokit/core");
  const { throttling } = await import("@octokit/plugin-throttling");
  const again = (_after: number, _options: object, _octokit: unknown, count: number) => count < 5;
  return (url) => {
    const Throttled = Octokit.plugin(throttling);
    const octokit = new Throttled({
      throttle: { onRateLimit: again, onSecondaryRateLimit: again },
      log: { debug() {}, info() {}, warn() {}, error() {} },
    });
    return octokit.request(`GET ${url}`);
  };
}

async function retryingOctokit(): Promise<Ask> {
  const { Octokit } = await import("@octokit/core");
  const { retry } = await import("@octokit/plugin-retry");
  const Retrying = Octokit.plugin(retry);
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  return (url) => new Retrying({ log }).request(`GET ${url}`);
}

/** The common recipe: sleep for Retry-After, then let p-retry try again. */
async function pRetry(): Promise<Ask> {
  const { default: retry } = await import("p-retry");
  return (url) =>
    retry(async () => {
      const response = await fetch(url);
      await response.body?.cancel();
      if (response.ok) return;
      const seconds = Number(response.headers.get("retry-after") ?? 0);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      throw new Error(`${response.status}`);
    }, { retries: 3, minTimeout: 0 });
}

/** Every client in the tests. */
export const httpClients: readonly HttpClient[] = [
  {
    name: "ky",
    from: "ky",
    load: async () => {
      const { default: ky } = await import("ky");
      return (url) => ky.get(url).text();
    },
  },
  {
    name: "got",
    from: "got",
    load: async () => {
      const { default: got } = await import("got");
      return (url) => got.get(url).text();
    },
  },
  {
    name: "axios-retry",
    from: "axios-retry",
    load: async () => {
      const { default: axios } = await import("axios");
      const { default: axiosRetry } = await import("axios-retry");
      return (url) => {
        const client = axios.create();
        axiosRetry(client);
        return client.get(url);
      };
    },
  },
  {
    name: "undici",
    from: "undici",
    load: async () => {
      const { Agent, interceptors, request } = await import("undici");
      // Bun replaces undici with its own implementation.
      if (!("compose" in Agent.prototype)) {
        throw new Error("this undici is no undici: its Agent has no compose");
      }
      return async (url) => {
        const dispatcher = new Agent().compose(interceptors.retry());
        try {
          const { statusCode, body } = await request(url, { dispatcher });
          await body.dump();
          if (statusCode !== 200) throw new Error(`${statusCode}`);
        } finally {
          await dispatcher.close();
        }
      };
    },
  },
  { name: "octokit, plugin-throttling", from: "@octokit/plugin-throttling", load: throttlingOctokit },
  { name: "octokit, plugin-retry", from: "@octokit/plugin-retry", load: retryingOctokit },
  {
    name: "openai",
    from: "openai",
    load: async () => {
      const { default: OpenAI } = await import("openai");
      return (url) => new OpenAI({ apiKey: "none", baseURL: url }).models.list();
    },
  },
  {
    name: "anthropic",
    from: "@anthropic-ai/sdk",
    load: async () => {
      const { default: Anthropic } = await import("@anthropic-ai/sdk");
      return (url) => new Anthropic({ apiKey: "none", baseURL: url }).models.list();
    },
  },
  { name: "p-retry with a sleep by Retry-After", from: "p-retry", load: pRetry },
];
