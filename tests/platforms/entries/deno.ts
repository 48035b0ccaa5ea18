import { appOf } from "../app.ts";

declare const Deno: { serve(handler: ReturnType<typeof appOf>): void };

Deno.serve(appOf({}));
