import { appOf } from "../app.ts";

declare const Bun: {
  serve(options: { hostname: string; routes: Record<string, ReturnType<typeof appOf>> }): { url: URL };
};

const app = appOf({});
const paths = ["/explain", "/memory", "/echo", "/stream", "/who", "/hono/:id", "/shared", "/shared/stream"];
const routes = Object.fromEntries(paths.map((path) => [path, app]));
console.log(`Listening on ${Bun.serve({ hostname: "127.0.0.1", routes }).url}`);
