import { serve } from "srvx";
import { reporter } from "../path_report.ts";

const server = serve({ hostname: "127.0.0.1", fetch: reporter() });
await server.ready();
