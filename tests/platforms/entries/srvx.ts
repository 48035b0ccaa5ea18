import { serve } from "srvx";
import { appOf } from "../app.ts";

const app = appOf({});
const server = serve({ hostname: "127.0.0.1", fetch: async (request) => await app(request) });
await server.ready();
