import { appOf } from "../app.ts";

declare const Bun: { serve(options: { hostname: string; fetch: ReturnType<typeof appOf> }): { url: URL } };

console.log(`Listening on ${Bun.serve({ hostname: "127.0.0.1", fetch: appOf({}) }).url}`);
