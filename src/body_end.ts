/**
 * When a response is over.
 *
 * @module
 */

/**
 * Calls `ended` once: when the response's body has been sent, errors, or is cancelled by a client that went
 * away; at once for a response without one.
 *
 * @returns The response itself, or a copy whose body tells.
 */
export function onBodyEnd(response: Response, ended: () => void): Response {
  const { body } = response;
  if (body === null || body === undefined) {
    ended();
    return response;
  }
  const reader = body.getReader();
  let open = true;
  const end = (): void => {
    if (open) ended();
    open = false;
  };
  const observed = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        end();
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
  return new Response(observed, response);
}
