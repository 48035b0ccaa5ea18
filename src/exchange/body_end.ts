/**
 * When a response is over.
 *
 * @module
 */

let serverTypesText: boolean | null = null;

/**
 * The same response around another body. On Bun the server sets the content type of a text body, which it can no
 * longer see: so the type is set here. Nothing distinguishes a body of text from one of bytes or a stream there.
 */
export function withBody(response: Response, body: ReadableStream<Uint8Array> | null): Response {
  const copy = new Response(body, response);
  serverTypesText ??= !new Response("text").headers.has("content-type");
  if (serverTypesText && !copy.headers.has("content-type")) {
    copy.headers.set("content-type", "text/plain;charset=utf-8");
  }
  return copy;
}

/** The next chunk of a body, or its end. Each runtime's types have a name of their own for it. */
export type BodyRead =
  | { readonly done: false; readonly value: Uint8Array }
  | { readonly done: true; readonly value?: Uint8Array | undefined };

/** Reads a body. */
export interface BodyReader {
  read(): Promise<BodyRead>;
  cancel(reason: unknown): Promise<void>;
}

/**
 * Calls `ended` once: when the body of a response has been sent, errors, or is cancelled by a client that went away.
 *
 * @param reader Reads the body of the response.
 * @param ended Hears whether all of the body was sent.
 * @param seen Hears of each chunk, before it is sent. Where it throws, the body fails, and `ended` is not called.
 * @returns A copy of the response, whose body calls these.
 */
export function onBodyEnd(
  response: Response,
  reader: BodyReader,
  ended: (isWhole: boolean) => void,
  seen?: (chunk: Uint8Array) => void,
): Response {
  let open = true;
  let controller: ReadableStreamDefaultController<Uint8Array>;
  const end = (isWhole: boolean): void => {
    if (open) ended(isWhole);
    open = false;
  };
  // Made once per body, as a function per chunk takes longer.
  const fail = (error: unknown): void => {
    try {
      end(false);
    } catch (own) {
      error = own;
    }
    controller.error(error);
  };
  let reading = false;
  const pass = ({ done, value }: BodyRead): void => {
    reading = false;
    if (!open) return;
    try {
      if (done) {
        end(true);
        controller.close();
      } else {
        seen?.(value);
        controller.enqueue(value);
      }
    } catch (error) {
      controller.error(error);
    }
  };
  const observed = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
    // Nobody waits for it: a promise that the stream waits for takes as long as the rest of a chunk's way.
    pull() {
      if (reading) return;
      reading = true;
      reader.read().then(pass, fail);
    },
    cancel(reason) {
      end(false);
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return withBody(response, observed);
}
