/**
 * A key set (RFC 7517) at a URL, asked for as seldom as can be: whoever sends tokens decides how often
 * somebody wants a key, and must not decide how often the issuer is asked.
 *
 * @module
 */

import { createLocalJWKSet } from "jose";
import { rescue, within } from "../maybe.ts";

/** Finds the key for a token's header in one key set. */
export type KeySet = ReturnType<typeof createLocalJWKSet>;

/** Keys are asked for again when they are this old. */
const MAX_AGE_MS = 600_000;
/** After an answer the next request waits so long, whoever wants a key that is not in it. */
const COOLDOWN_MS = 30_000;
/** After a failure it waits so long, twice as long after each further one, at most the cooldown. */
const FIRST_BACK_OFF_MS = 1000;

/** There are no keys to check a token with, and none can be had now. */
export class KeysUnavailableError extends Error {
  /** When it is worth trying again, in ms from now. */
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super(`The keys that tokens are checked with cannot be fetched for ${retryAfterMs} ms.`);
    this.name = "KeysUnavailableError";
    this.retryAfterMs = retryAfterMs;
  }
}

/** The keys at a URL. */
export interface RemoteKeys {
  /**
   * The keys as last fetched; fetched first where there are none, or they are old. Old ones stay in use while
   * newer ones cannot be had.
   *
   * @throws {KeysUnavailableError} When there are none.
   */
  current(): Promise<KeySet>;
  /**
   * Newer keys, for a token that names one which is not in the current ones.
   *
   * @returns Null while the current ones are too young for that.
   * @throws {KeysUnavailableError} When the URL does not answer.
   */
  newer(): Promise<KeySet | null>;
}

const late = (): Error => new Error("The keys did not come in time.");

/** What a server's answer may cost. */
export interface RemoteKeysOptions {
  /** Epoch ms. */
  readonly clock: () => number;
  /** How long an answer may take. */
  readonly timeoutMs: number;
  /** How long an answer may be, in bytes after decompression. */
  readonly maxBytes: number;
}

/** A body's text. One that is longer than may be is given up where that shows: a small answer may unpack to anything. */
async function textOf(body: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<string> {
  if (body === null) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      await reader.cancel();
      throw new Error(`The keys have more than ${maxBytes} bytes.`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

async function fetchKeySet(url: URL, { timeoutMs, maxBytes }: RemoteKeysOptions): Promise<KeySet> {
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    // The keys' place is configured, and no answer may move it. (Workers know no "error".)
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status === 200) return createLocalJWKSet(JSON.parse(await textOf(response.body, maxBytes)));
  await response.body?.cancel();
  throw new Error(`${url} answered ${response.status}.`);
}

/**
 * Keeps the keys at a URL: one request at a time, with a deadline, and with a pause after each.
 *
 * @param url Where they are.
 * @param options See {@link RemoteKeysOptions}.
 */
export function remoteKeys(url: URL, options: RemoteKeysOptions): RemoteKeys {
  const { clock, timeoutMs } = options;
  let keys: KeySet | null = null;
  let fetchedAt = -Infinity;
  let failures = 0;
  let nextFetchAt = -Infinity;
  let pending: Promise<void> | null = null;
  let pendingUntil = -Infinity;

  async function fetchOnce(): Promise<void> {
    try {
      keys = await fetchKeySet(url, options);
      fetchedAt = clock();
      failures = 0;
      nextFetchAt = fetchedAt + COOLDOWN_MS;
    } catch {
      nextFetchAt = clock() + Math.min(FIRST_BACK_OFF_MS * 2 ** failures, COOLDOWN_MS);
      failures++;
    }
  }

  /** Fetches the keys, or waits for who is fetching them. False when it is not time for that. */
  async function refresh(): Promise<boolean> {
    const now = clock();
    // A request that an edge platform ended takes its fetch with it: what is overdue will never come.
    if (pending === null || now > pendingUntil) {
      if (now < nextFetchAt) return false;
      const started = fetchOnce().finally(() => {
        if (pending === started) pending = null;
      });
      pending = started;
      pendingUntil = now + timeoutMs;
    }
    const fetched = pending;
    await rescue<void>(() => within(fetched, timeoutMs, late), () => {});
    return true;
  }

  function unavailable(): KeysUnavailableError {
    return new KeysUnavailableError(Math.max(nextFetchAt - clock(), FIRST_BACK_OFF_MS));
  }

  return {
    async current() {
      if (keys === null || clock() >= fetchedAt + MAX_AGE_MS) await refresh();
      if (keys === null) throw unavailable();
      return keys;
    },
    async newer() {
      const before = fetchedAt;
      const refreshed = await refresh();
      if (failures > 0 || (refreshed && fetchedAt === before)) throw unavailable();
      return refreshed ? keys : null;
    },
  };
}
