import { serve } from "@hono/node-server";
import process from "node:process";
import { appOf } from "../app.ts";

serve(
  { fetch: appOf({}), port: Number(process.env.PORT), hostname: "127.0.0.1" },
  ({ port }) => console.log(`Listening on http://127.0.0.1:${port}`),
);
