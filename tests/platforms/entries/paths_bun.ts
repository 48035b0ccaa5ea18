import { reporter } from "../path_report.ts";

declare const Bun: {
  serve(options: { hostname: string; port: number; fetch: ReturnType<typeof reporter> }): { url: URL };
};

const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: reporter() });
console.log(`Listening on ${server.url}`);
