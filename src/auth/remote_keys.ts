/**
 * A key set (RFC 7517) at a URL, fetched as rarely as possible: a client that sends tokens must not control
 * how often the issuer is asked.
 *
 * @module
 */

import { createLocalJWKSet } from "jose";
import { rescue, within } from "../maybe.ts";
import { complain, reasonOf } from "../warn_once.ts";

/** Finds the key for a token's header in one key set. */
export type KeySet = ReturnType<typeof createLocalJWKSet>;

/** The age at which keys are fetched again. */
const MAX_AGE_MS = 600_000;
/** The pause after a successful fetch, even if a token names a key that is not in the set. */
const COOLDOWN_MS = 30_000;
/** The pause after a failed fetch. It doubles with each further failure, up to the cooldown. */
const FIRST_BACK_OFF_MS = 1000;

/** No keys are cached, and none can be fetched now. */
export class KeysUnavailableError extends Error {
  /** The wait until a retry makes sense, in ms. */
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
   * The last fetched keys; they are fetched first if there are none, or if they are old. Old keys stay in use
   * while newer ones cannot be fetched.
   *
   * @throws {KeysUnavailableError} If there are none.
   */
  current(): Promise<KeySet>;
  /**
   * Newer keys, for a token that names a key which is not in the current ones.
   *
   * @returns Null while the current keys are too new to fetch again.
   * @throws {KeysUnavailableError} If the URL does not answer.
   */
  newer(): Promise<KeySet | null>;
}

const late = (): Error => new Error("The keys did not come in time.");

/** The limits on a server's answer. */
export interface RemoteKeysOptions {
  /** Epoch ms. */
  readonly clock: () => number;
  /** The deadline for an answer, in ms. */
  readonly timeoutMs: number;
  /** The longest answer, in bytes after decompression. */
  readonly maxBytes: number;
}

/** Reads a body's text, and stops beyond the limit: a small answer may decompress to any length. */
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
    // The URL is configured, so no redirect is followed. (Workers do not support "error".)
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status === 200) return createLocalJWKSet(JSON.parse(await textOf(response.body, maxBytes)));
  await response.body?.cancel();
  throw new Error(`The server answered ${response.status}.`);
}

/** Says on the console that keys cannot be fetched: else nobody learns of a URL that is misspelt. */
function reportOutage({ origin, pathname }: URL, error: unknown, hasOlder: boolean): void {
  const meanwhile = hasOlder ? "the older keys are used" : "requests with a token are answered with 503";
  // Node's fetch keeps the reason in the cause.
  const reason = reasonOf((error as Error).cause ?? error);
  complain(
    `jwtAuth() cannot fetch the keys at ${origin}${pathname}: ${reason} Until it can, ${meanwhile}.`,
  );
}

/** The rest of a time of which so much has passed. A clock that was set back must not make it longer by as much. */
function restMs(ms: number, passed: number): number {
  return passed < 0 ? 0 : Math.max(0, ms - passed);
}

/**
 * Caches the keys at a URL: one fetch at a time, with a deadline, and with a pause after each.
 *
 * @param url The URL of the key set.
 * @param options See {@link RemoteKeysOptions}.
 */
export function remoteKeys(url: URL, options: RemoteKeysOptions): RemoteKeys {
  const { clock, timeoutMs } = options;
  let keys: KeySet | null = null;
  let fetchedAt = -Infinity;
  let failures = 0;
  /** When the last fetch ended, and how long none follows it. */
  let endedAt = -Infinity;
  let pauseMs = 0;
  let pending: Promise<void> | null = null;
  let pendingSince = -Infinity;
  const leftMs = (ms: number, since: number): number => restMs(ms, clock() - since);

  async function fetchOnce(): Promise<void> {
    try {
      keys = await fetchKeySet(url, options);
      fetchedAt = clock();
      if (failures > 0) complain(`jwtAuth() has the keys at ${url.origin}${url.pathname} again.`);
      failures = 0;
      pauseMs = COOLDOWN_MS;
    } catch (error) {
      if (failures === 0) reportOutage(url, error, keys !== null);
      pauseMs = Math.min(FIRST_BACK_OFF_MS * 2 ** failures, COOLDOWN_MS);
      failures++;
    }
    endedAt = clock();
  }

  /** Fetches the keys, or waits for the pending fetch. False during a pause. */
  async function refresh(): Promise<boolean> {
    // When an edge platform ends a request, it ends its fetch too: an overdue fetch never settles.
    if (pending === null || leftMs(timeoutMs, pendingSince) === 0) {
      if (leftMs(pauseMs, endedAt) > 0) return false;
      const started = fetchOnce().finally(() => {
        if (pending === started) pending = null;
      });
      pending = started;
      pendingSince = clock();
    }
    const fetched = pending;
    await rescue<void>(() => within(fetched, timeoutMs, late), () => {});
    return true;
  }

  const unavailable = (): KeysUnavailableError =>
    new KeysUnavailableError(Math.max(leftMs(pauseMs, endedAt), FIRST_BACK_OFF_MS));

  return {
    async current() {
      if (keys === null || leftMs(MAX_AGE_MS, fetchedAt) === 0) await refresh();
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
