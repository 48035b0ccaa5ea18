/** `deno serve examples/limits_page.ts`: callers see their own limits, as JSON or, in a browser, as a page. */
// Try: curl localhost:8000/search, then: curl localhost:8000/limits, or open it in a browser
import { createThrottle, limitsHandler, problemJson } from "@weir/throttle";

const SENTENCES: Readonly<Record<string, (seconds: number) => string>> = {
  de: (seconds) => `Bitte in ${seconds} Sekunden noch einmal versuchen.`,
  fr: (seconds) => `Veuillez réessayer dans ${seconds} secondes.`,
};

const throttle = createThrottle([
  { name: "search", rate: "10/min", on: "/search" },
  { name: "exports", rate: "100/day", on: "POST /exports" },
  { name: "mails", rate: "50/day", on: [] }, // spent by the server: throttle.spend("mails", address)
], {
  reject: problemJson({
    detail({ retryAfterMs, limit }, { request }) {
      const language = request.headers.get("accept-language")?.slice(0, 2) ?? "en";
      const seconds = Math.ceil(retryAfterMs / 1000);
      return SENTENCES[language]?.(seconds) ??
        `All ${limit} requests are used; try again in ${seconds} seconds.`;
    },
  }),
});

const limits = limitsHandler(throttle);

const handler = throttle.wrap((request: Request, info: unknown) => {
  const { pathname } = new URL(request.url);
  return pathname === "/limits" ? limits(request, info) : new Response("found nothing");
});

export default { fetch: handler };
