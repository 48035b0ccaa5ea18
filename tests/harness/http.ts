import { Agent, request } from "node:http";
import { runtime } from "./runtime.ts";

/** A response as its client sees it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Sends one request and reads the whole response. */
export async function get(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const agent = new Agent({ keepAlive: true });

/**
 * The same with node:http: Node 20 takes three times as long for many fetches, as its test runner tracks
 * their promises.
 */
function getByAgent(
  url: string,
  { method = "GET", headers, body = null }: RequestInit = {},
): Promise<Answer> {
  const fields = { accept: "*/*", ...Object.fromEntries(new Headers(headers)) };
  return new Promise((answered, failed) => {
    request(url, { method, headers: fields, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece) => text += piece).on("error", failed).on("end", () => {
        const headers = new Headers();
        for (let i = 0; i < response.rawHeaders.length; i += 2) {
          headers.append(response.rawHeaders[i], response.rawHeaders[i + 1]);
        }
        answered({ status: response.statusCode!, headers, text });
      });
    }).on("error", failed).end(body);
  });
}

const getOfMany = runtime === "node" ? getByAgent : get;

/** Sends `count` equal requests, at most `atOnce` in parallel, which limits the open sockets. */
export async function burst(url: string, count: number, init?: RequestInit, atOnce = 64): Promise<Answer[]> {
  const answers: Answer[] = [];
  let sent = 0;
  async function sendInTurn() {
    while (sent++ < count) answers.push(await getOfMany(url, init));
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, sendInTurn));
  return answers;
}

/** The number of responses per status: `{ 200: 100, 429: 4900 }`. */
export function statuses(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
