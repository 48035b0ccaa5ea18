import { createInterface } from "node:readline";
import process from "node:process";
import { postgresStore } from "../../src/stores/postgres/mod.ts";
import { contendedThrottle } from "./contender.ts";
import { POSTGRES_CLIENTS } from "./postgres_clients.ts";
import { pause } from "./until.ts";

/**
 * A process that competes with others for one limit on Postgres. Its argument is JSON. It prints "ready". Each line on its
 * input is the name of an algorithm: then it sends all its requests at once, prints "passed" for each that passes, at once,
 * and "done" at the end. A request that the store did not decide is asked again.
 */
export interface PostgresContenderOptions {
  /** The name of a client. */
  readonly client: string;
  readonly url: string;
  readonly durable: boolean;
  readonly timeoutMs: number;
  /** The error of this process's clock, in ms. */
  readonly skewMs: number;
  readonly requests: number;
  /** How many of them are asked at a time. */
  readonly atOnce: number;
  readonly limit: number;
}

async function contend(options: PostgresContenderOptions): Promise<void> {
  const { durable, timeoutMs } = options;
  const throttle = await contendedThrottle(async () => {
    const { client } = await POSTGRES_CLIENTS.find(({ name }) => name === options.client)!.open(options);
    return postgresStore({ client, timeoutMs, denyCache: false, durable });
  }, options);
  console.log("ready");
  for await (const name of createInterface({ input: process.stdin })) {
    let left = options.requests;
    const ask = async (): Promise<void> => {
      while (left-- > 0) {
        const { allowed, decisions } = await throttle.check(new Request(`https://api.example/${name}`));
        if (allowed) process.stdout.write("passed\n");
        if (decisions[0].source === "store") continue;
        left++;
        await pause(20);
      }
    };
    await Promise.all(Array.from({ length: options.atOnce }, ask));
    console.log("done");
  }
}

if (process.argv[2] === "contend on postgres") await contend(JSON.parse(process.argv[3]));
