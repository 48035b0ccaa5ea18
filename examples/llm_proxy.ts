/** `deno serve examples/llm_proxy.ts`: a proxy of a language model: tokens are reserved, streamed, then settled. */
// Try: curl -N -d "tell me a story" localhost:8000, stop it or wait for its end, then: curl localhost:8000
import { createThrottle } from "@weir/throttle";
import { learnedCost, tokenUsage } from "@weir/throttle/tokens";

const throttle = createThrottle({
  name: "tokens",
  on: "POST /",
  rate: "20000/day",
  cost: learnedCost({ start: 500, max: 4000 }), // reserves as much as 95 % of the answers so far took
  count: tokenUsage({ cached: 0.1, output: 4 }), // settles what the answer itself says at its end
});

/** A stand-in for a model's API: `fetch("https://api.openai.com/v1/chat/completions", { method, headers, body })`. */
function model({ messages: [{ content }] }: { stream: true; messages: [{ content: string }] }): Response {
  const words = content.split(" ");
  const usage = { prompt_tokens: words.length, completion_tokens: words.length };
  const events = [
    ...words.map((word) => ({ choices: [{ delta: { content: `${word} ` } }], usage: null })),
    { choices: [], usage },
  ];
  const body = new ReadableStream<string>({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const event = events.shift();
      controller.enqueue(`data: ${event === undefined ? "[DONE]" : JSON.stringify(event)}\n\n`);
      if (event === undefined) controller.close();
    },
  });
  return new Response(body.pipeThrough(new TextEncoderStream()));
}

async function proxy(request: Request): Promise<Response> {
  if (request.method !== "POST") return Response.json(await throttle.usage("tokens", request));
  // OpenAI states the usage of a stream only to those who ask: stream_options: { include_usage: true }.
  const answer = model({ stream: true, messages: [{ content: await request.text() }] });
  return new Response(answer.body, { headers: { "content-type": "text/event-stream" } });
}

export default { fetch: throttle.wrap(proxy) };
