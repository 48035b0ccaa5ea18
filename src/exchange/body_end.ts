/**
 * When a response is over.
 *
 * @module
 */

let serverTypesText: boolean | null = null;

/**
 * The same response around another body. On Bun the server sets the content type of a text body, which it can no
 * longer see: so the type is set here.
 */
export function withBody(response: Response, body: ReadableStream<Uint8Array> | null): Response {
  const copy = new Response(body, response);
  serverTypesText ??= !new Response("text").headers.has("content-type");
  if (serverTypesText && !copy.headers.has("content-type")) {
    copy.headers.set("content-type", "text/plain;charset=utf-8");
  }
  return copy;
}

/**
 * Calls `ended` once: when the body of a response has been sent, errors, or is cancelled by a client that went away.
 *
 * @param ended Hears whether all of the body was sent.
 * @param seen Hears of each chunk, before it is sent.
 * @returns A copy of the response, whose body calls these.
 */
export function onBodyEnd(
  response: Response,
  body: ReadableStream<Uint8Array>,
  ended: (isWhole: boolean) => void,
  seen?: (chunk: Uint8Array) => void,
): Response {
  const reader = body.getReader();
  let open = true;
  const end = (isWhole = false): void => {
    if (open) ended(isWhole);
    open = false;
  };
  const observed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          seen?.(value);
          return controller.enqueue(value);
        }
        end(true);
        controller.close();
      } catch (error) {
        end();
        controller.error(error);
      }
    },
    cancel(reason) {
      end();
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return withBody(response, observed);
}
