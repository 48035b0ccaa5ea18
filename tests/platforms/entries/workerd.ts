import { upstashStore } from "../../../src/stores/upstash/mod.ts";
import { appOf, SHARED } from "../app.ts";

interface Env {
  UPSTASH_REDIS_REST_URL: string;
  UPSTASH_REDIS_REST_TOKEN: string;
}

export default {
  fetch: appOf({ platform: "cloudflare" }, (env) => {
    const { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token } = env as Env;
    return upstashStore({ ...SHARED, url, token });
  }),
};
