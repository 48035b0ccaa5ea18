/**
 * The interface of a client that runs scripts.
 *
 * @module
 */

import type { Cluster } from "./cluster.ts";

/** The abilities that the store needs of a client. */
export interface ScriptRunner {
  /** Runs the script with this SHA-1; rejects with a message that holds NOSCRIPT where the server does not have it. */
  evalsha(sha: string, keys: string[], args: string[]): Promise<unknown>;
  /** Runs the script of this text, which the server then has. */
  eval(text: string, keys: string[], args: string[]): Promise<unknown>;
  /** Deletes a key. */
  del(key: string): Promise<unknown>;
  /** The most keys of a call, unless one decision has more. Default 128. */
  readonly mostKeys?: number;
  /** An error of the client's in words about the outage; the same error where it is clear. */
  readonly plainError?: ((error: unknown) => unknown) | undefined;
  /** On a cluster: how its slots are reached. */
  readonly cluster?: Cluster | undefined;
  /** Is there a connection, on a cluster to the node of this address? Default: nobody knows, so yes. */
  readonly isConnected?: ((node: string) => boolean) | undefined;
  /** Connects again, where the client has given up. */
  readonly connect?: (() => Promise<unknown>) | undefined;
}
