/**
 * The clock of a server, as far as its answers show it.
 *
 * @module
 */

/** The clock of a server. */
export interface ServerClock {
  /** The server's time, epoch ms: never ahead of it, and behind by no more than the fastest answer took. Null: not known yet. */
  now(): number | null;
  /**
   * Learns from an answer.
   *
   * @param serverMs The time in it, epoch ms.
   * @param sentAt When the question was sent, by the steady clock.
   */
  learn(serverMs: number, sentAt: number): void;
}

/**
 * Makes the clock of a server. A time in an answer was read after the question was sent and before the answer was here; so each
 * answer bounds how far the server's clock is ahead of this process's steady one.
 *
 * @param steady A clock in ms that never steps.
 */
export function serverClock(steady: () => number): ServerClock {
  /** How far the server is ahead at least. */
  let ahead: number | null = null;
  return {
    now: () => ahead === null ? null : Math.floor(steady() + ahead),
    learn(serverMs, sentAt) {
      const least = serverMs - steady();
      const most = serverMs - sentAt;
      // Beyond these bounds the server's clock was set, or this process's clock runs faster.
      if (ahead === null || ahead > most || ahead < least) ahead = least;
    },
  };
}
