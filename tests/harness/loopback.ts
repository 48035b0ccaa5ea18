import { request } from "node:http";

/** A request for {@link sendFrom}. */
export interface Sent {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body, sent as JSON. */
  readonly body?: unknown;
}

/** A response as its client sees it. */
export interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/**
 * Sends a request over its own connection.
 *
 * @param from The client's address: on Linux any of 127.0.0.0/8.
 * @param url The server's URL.
 */
export function sendFrom(
  from: string,
  url: string,
  { method = "GET", path, headers, body }: Sent,
): Promise<Seen> {
  const content = body === undefined ? undefined : JSON.stringify(body);
  const described = content === undefined ? {} : { "content-type": "application/json" };
  return new Promise((answered, failed) => {
    const sent = request(new URL(path, url.replace("localhost", "127.0.0.1")), {
      ...{ method, localAddress: from, agent: false },
      headers: { ...described, accept: "application/json", ...headers },
    }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => text += part).on("end", () => {
        const seen = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
        answered({ status: response.statusCode!, headers: Object.fromEntries(seen), text });
      });
    });
    sent.on("error", failed).end(content);
  });
}
