/** `deno serve examples/tokens.ts`: a model's answers, paid in tokens: reserved first, settled when the stream is over. */
// Try: curl -N -d "tell me a story" localhost:8000, stop it or wait for its end, then: curl localhost:8000
import { createThrottle, throttleOf } from "@weir/throttle";

/** The longest answer, in tokens: what a model is told as its max_tokens. */
const LONGEST = 500;

// Each answer reserves that much, so that many at once cannot overdraw; what it did not take comes back at its end.
const throttle = createThrottle({ name: "tokens", on: "POST /", rate: "2000/hour", cost: LONGEST });

/** Stands in for a model: says the prompt again, a word at a time. */
async function* model(prompt: string): AsyncGenerator<string> {
  for (const word of prompt.split(" ").slice(0, LONGEST)) {
    await new Promise((said) => setTimeout(said, 20));
    yield `${word} `;
  }
}

async function answer(request: Request): Promise<Response> {
  if (request.method !== "POST") return Response.json(await throttle.usage("tokens", request));
  const words = model(await request.text());
  let spent = 0;
  const settle = () => throttleOf(request)?.settle("tokens", spent); // the first call decides, later ones do nothing
  const body = new ReadableStream<string>({
    async pull(controller) {
      const { done, value } = await words.next();
      if (!done) return spent++, controller.enqueue(value);
      await settle();
      controller.close();
    },
    async cancel() { // the client hung up: it pays for what was said until then
      await settle();
      await words.return(null);
    },
  });
  return new Response(body.pipeThrough(new TextEncoderStream()));
}

export default { fetch: throttle.wrap(answer) };
