import { createThrottle, memoryStore, rateLimit, retryAfter, type Rule } from "../../mod.ts";
import { newBucket } from "../../src/paced_fetch/bucket.ts";
import { newLane } from "../../src/paced_fetch/lane.ts";
import { plan } from "../../src/paced_fetch/plan.ts";
import { client, requestTo, START } from "./throttled.ts";

/** The input of a simulation. */
export interface Scene {
  /** The server's only rule: one quota for all clients. */
  readonly rule: Omit<Rule, "name">;
  /** Clients that send as much as possible, each with one bucket. */
  readonly clients: number;
  /** Parallel requests per client. */
  readonly atOnce: number;
  readonly seconds: number;
  /** The least and the greatest latency of one way, in ms. */
  readonly way: readonly [least: number, greatest: number];
  /** The greatest lateness of a client's timers, in ms: each is late by a random part of it. Default 0. */
  readonly lateMs?: number;
  readonly spread?: boolean;
  readonly seed: number;
  /** The start and the end of a client, in s. Default: the whole time. */
  readonly active?: (client: number) => readonly [from: number, to: number];
}

/** The result of a simulation. */
export interface Came {
  readonly sent: number;
  readonly passed: number;
  readonly refused: number;
}

/** Random numbers from 0 to 1 from a seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** Simulates clients and a real throttle on a clock that jumps from event to event. */
export async function simulate(
  { rule, clients, atOnce, seconds, way, lateMs = 0, spread = true, seed, active }: Scene,
): Promise<Came> {
  const random = randomOf(seed);
  const events: { readonly at: number; readonly act: () => void | Promise<void> }[] = [];
  const came = { sent: 0, passed: 0, refused: 0 };
  let now = START;
  const clock = () => now;
  const wayMs = () => way[0] + random() * (way[1] - way[0]);
  const later = (ms: number, act: () => void | Promise<void>) => {
    const at = now + Math.max(0, ms);
    const place = events.findLastIndex((event) => event.at <= at);
    events.splice(place + 1, 0, { at, act });
  };
  const throttle = createThrottle({ name: "shared", ...rule }, {
    store: memoryStore({ clock }),
    headers: [rateLimit(), retryAfter()],
    client,
  });

  for (let c = 0; c < clients; c++) {
    const [from, to] = active?.(c) ?? [0, Infinity];
    const bucket = newBucket();
    const lane = newLane([bucket], clock, random, spread);
    let idle = atOnce;
    let looks = 0;

    const answered = (sentAt: number, response: Response) => {
      const { quotas, waitMs } = plan(response.headers, now);
      lane.leave(sentAt);
      for (const quota of quotas) bucket.learn(quota, sentAt, now);
      const isRefused = response.status === 429;
      came[isRefused ? "refused" : "passed"]++;
      lane.hear(isRefused ? waitMs ?? 0 : null, sentAt, now);
      idle++;
      look();
    };
    const send = (sentAt: number) => {
      came.sent++;
      later(wayMs(), async () => {
        const outcome = await throttle.check(requestTo());
        const response = outcome.label(outcome.response ?? new Response());
        later(wayMs(), () => answered(sentAt, response));
      });
    };
    // Like a lane's loop, with events instead of timers.
    const look = (): void => {
      const turn = ++looks;
      while (idle > 0 && now < START + to * 1000) {
        const at = lane.opensAt(now, Infinity);
        if (at > now) {
          return later(Math.ceil(at - now) + random() * lateMs, () => turn === looks ? look() : undefined);
        }
        bucket.take(now);
        idle--;
        send(now);
      }
    };
    later(from * 1000 + random() * 20, look);
  }

  for (let event; (event = events.shift()) !== undefined && event.at < START + seconds * 1000;) {
    now = event.at;
    await event.act();
  }
  return came;
}
