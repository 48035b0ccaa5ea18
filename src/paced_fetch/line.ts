/**
 * Callers that wait, in the order of their coming, until every quota of theirs has room.
 *
 * @module
 */

/** A caller that waits. */
interface Waiter {
  /** Epoch ms. */
  readonly deadline: number;
  /** Called once: true to go, false where that cannot be before the deadline. */
  readonly go: (mayGo: boolean) => void;
}

/** Callers of one set of quotas. */
export interface Line {
  /**
   * Waits.
   *
   * @param deadline Epoch ms.
   * @param signal Ends the wait with its reason.
   * @returns True to go, false where that cannot be before the deadline.
   */
  wait(deadline: number, signal: AbortSignal | null | undefined): Promise<boolean>;
  /** Looks again, as something is known that was not. */
  look(): void;
}

/** Timers count ms in 31 bits. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * @param clock Epoch ms.
 * @param opensAt When the next may go, epoch ms; Infinity: when {@link Line.look} is called.
 * @param take Notes that one goes.
 */
export function newLine(
  clock: () => number,
  opensAt: (now: number) => number,
  take: (now: number) => void,
): Line {
  const waiters: Waiter[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer ends, epoch ms; Infinity where none runs. */
  let timerAt = Infinity;

  function setTimer(at: number, now: number): void {
    // One that is set anew at each answer would be late time and again: timers round up to whole ms.
    if (at === timerAt) return;
    clearTimeout(timer);
    timerAt = at;
    if (at === Infinity) return;
    timer = setTimeout(() => {
      timerAt = Infinity;
      look();
    }, Math.min(LONGEST_MS, Math.ceil(at - now)));
  }

  function look(): void {
    while (waiters.length > 0) {
      const now = clock();
      const at = opensAt(now);
      const [{ deadline, go }] = waiters;
      const mayGo = at <= now;
      if (!mayGo && now < deadline && (at === Infinity || at <= deadline)) {
        setTimer(Math.min(at, deadline), now);
        return;
      }
      waiters.shift();
      if (mayGo) take(now);
      go(mayGo);
    }
    setTimer(Infinity, 0);
  }

  return {
    look,
    wait(deadline, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const abort = (): void => {
          const place = waiters.indexOf(waiter);
          if (place < 0) return;
          waiters.splice(place, 1);
          reject(signal?.reason);
          look();
        };
        const waiter: Waiter = {
          deadline,
          go(mayGo) {
            signal?.removeEventListener("abort", abort);
            resolve(mayGo);
          },
        };
        signal?.addEventListener("abort", abort, { once: true });
        // The first looks; those behind wait for their turn.
        if (waiters.push(waiter) === 1) look();
      });
    },
  };
}
