import { serve } from "@hono/node-server";
import process from "node:process";
import { reporter } from "../path_report.ts";

serve(
  { fetch: reporter(), port: Number(process.env.PORT), hostname: "127.0.0.1" },
  ({ port }) => console.log(`Listening on http://127.0.0.1:${port}`),
);
