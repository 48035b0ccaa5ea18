/** `deno serve examples/concurrency.ts`: two exports at a time per client, ten in all, however long they take. */
// Try in three windows: curl -N localhost:8000/export
import { byGlobal, concurrency, type Rule, withThrottle } from "@weir/throttle";

/** Streams an export, one row at a time. */
function download(request: Request): Response {
  const rows = Number(new URL(request.url).searchParams.get("rows") ?? 1000);
  let row = 0;
  const body = new ReadableStream<string>({
    async pull(controller) {
      if (row === rows) return controller.close();
      await new Promise((found) => setTimeout(found, 20));
      controller.enqueue(`${++row}\n`);
    },
  });
  return new Response(body.pipeThrough(new TextEncoderStream()));
}

// A slot is freed when the response's body is sent, fails, or is cancelled. The lease frees the slots of
// crashed processes: set it longer than the longest export.
const slots: Omit<Rule, "rate"> = { on: "GET /export", algorithm: concurrency({ lease: "10min" }) };

const handler = withThrottle(download, [
  { ...slots, name: "mine", rate: { limit: 2 } },
  { ...slots, name: "all", rate: { limit: 10 }, key: byGlobal() },
]);

export default { fetch: handler };
