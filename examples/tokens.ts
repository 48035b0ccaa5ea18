/** `deno serve examples/tokens.ts`: a model's answers, charged in tokens: reserved first, then settled. */
// Try: curl -N -d "tell me a story" localhost:8000, stop it or wait for its end, then: curl localhost:8000
import { createThrottle, throttleOf } from "@weir/throttle";

/** The longest answer, in tokens: the model's max_tokens. */
const MAX_TOKENS = 500;

// Each answer reserves this much, so that parallel answers cannot overdraw; unused tokens return at its end.
const throttle = createThrottle({ name: "tokens", on: "POST /", rate: "2000/hour", cost: MAX_TOKENS });

/** A stand-in for a model: repeats the prompt, one word at a time. */
async function* model(prompt: string): AsyncGenerator<string> {
  for (const word of prompt.split(" ").slice(0, MAX_TOKENS)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    yield `${word} `;
  }
}

async function answer(request: Request): Promise<Response> {
  if (request.method !== "POST") return Response.json(await throttle.usage("tokens", request));
  const words = model(await request.text());
  let spent = 0;
  const settle = () => throttleOf(request)?.settle("tokens", spent); // the first call settles, later ones do nothing
  const body = new ReadableStream<string>({
    async pull(controller) {
      const { done, value } = await words.next();
      if (!done) return spent++, controller.enqueue(value);
      await settle();
      controller.close();
    },
    async cancel() { // the client hung up: it pays for the words so far
      await settle();
      await words.return(null);
    },
  });
  return new Response(body.pipeThrough(new TextEncoderStream()));
}

export default { fetch: throttle.wrap(answer) };
