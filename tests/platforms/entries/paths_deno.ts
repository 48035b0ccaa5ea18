import { reporter } from "../path_report.ts";

declare const Deno: { serve(handler: ReturnType<typeof reporter>): void };

Deno.serve(reporter());
