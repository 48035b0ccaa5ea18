import type { KvLike } from "../../src/stores/deno_kv/mod.ts";
import { runtime } from "./runtime.ts";

/** Deno's database, as far as tests use it beside the store. */
export interface Kv extends KvLike {
  list(selector: { prefix: string[] }): AsyncIterable<{ key: string[]; value: unknown }>;
  close(): void;
}

interface DenoGlobal {
  readonly Deno: { openKv(path: string): Promise<Kv> };
}

/** Why a test over Deno KV is skipped; false: it runs. */
export const withoutDenoKv: string | false = runtime !== "deno" &&
  "Deno KV is Deno's own: seen by the tests on Deno";

/** @param path A file, or ":memory:". */
export const openKv = (path: string): Promise<Kv> => (globalThis as unknown as DenoGlobal).Deno.openKv(path);
