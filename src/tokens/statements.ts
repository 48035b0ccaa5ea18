/**
 * The JSON values in the ends of a body: of a JSON document, of a stream of server-sent events, or of lines.
 *
 * @module
 */

import type { BodyText } from "./body_ends.ts";
import { lastObject, parsed } from "./json_end.ts";

/** Which texts are worth parsing? */
export type Wanted = (json: string) => boolean;

/** The wanted objects in the events or lines of a text, in order. */
function inLines(text: string, isWanted: Wanted): unknown[] {
  const found: unknown[] = [];
  const add = (json: string): void => {
    if (isWanted(json)) found.push(parsed(json));
  };
  /** The data of the current event. */
  let data = "";
  const finish = (): void => {
    if (data !== "") add(data);
    data = "";
  };
  for (const line of text.split(/\r\n|\n|\r/)) {
    if (line.startsWith("data:")) data += `${line.slice(5)}\n`;
    else if (line === "") finish();
    else if (line.startsWith("{")) add(line);
  }
  finish();
  return found;
}

/**
 * The JSON values of a body, in order: of a document all of it, or its last members where the document is long; of a
 * stream its first and its last events.
 *
 * @param isWhole Did the body come to its end?
 * @param isWanted Which events and lines are wanted? Hundreds are kept, and to parse each takes longer than the rest.
 */
export function statementsIn(
  { first, last }: BodyText,
  isWhole: boolean,
  isWanted: Wanted = () => true,
): readonly unknown[] {
  const isDocument = /^\s*[{[]/.test(first);
  if (last === null) {
    const document = isDocument ? parsed(first) : undefined;
    return document === undefined
      ? inLines(first, isWanted)
      : Array.isArray(document)
      ? document
      : [document];
  }
  const lineEnd = last.search(/[\r\n]/);
  if (!isDocument) {
    // The first line of the end has lost its beginning; it may be all that is left of a long event.
    const isLine = lineEnd >= 0 || isWhole;
    const cut = isLine ? lastObject(lineEnd < 0 ? last : last.slice(0, lineEnd)) : undefined;
    return [...inLines(first, isWanted), cut, ...lineEnd < 0 ? [] : inLines(last.slice(lineEnd), isWanted)];
  }
  const lines = inLines(last.slice(Math.max(0, lineEnd)), isWanted);
  return isWhole ? [...lines, lastObject(last)] : lines;
}
