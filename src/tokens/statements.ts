/**
 * The JSON values in the ends of a body: of a JSON document, of a stream of server-sent events, or of lines.
 *
 * @module
 */

import type { BodyText } from "./body_ends.ts";
import { lastObject, parsed } from "./json_end.ts";

/** The objects in an event that match, or in lines: its data are one value, as is each line that begins with a brace. */
function inEvent(event: string, wanted: RegExp): unknown[] {
  const found: string[] = [];
  let data = "";
  for (const line of event.split(/[\r\n]+/)) {
    if (line.startsWith("data:")) data += `${line.slice(5)}\n`;
    else if (line.startsWith("{")) found.push(line);
  }
  if (data !== "") found.push(data);
  return found.filter((json) => wanted.test(json)).map(parsed);
}

/** The index of a blank line before an index, 0 without one: of the nearest, unless the lines' ends are mixed. */
function blankBefore(text: string, at: number): number {
  for (const blank of ["\n\n", "\n\r", "\r\r"]) {
    const index = text.lastIndexOf(blank, at);
    if (index >= 0) return index;
  }
  return 0;
}

/** The objects in the events or lines of a text that match, in order. */
function inEvents(text: string, wanted: RegExp): unknown[] {
  // Few events match, mostly the last: to take apart the hundreds before would take longer than to keep them.
  const at = text.search(wanted);
  if (at < 0) return [];
  const events = text.slice(blankBefore(text, at)).split(/\n[\r\n]|\r\r/);
  return events.filter((event) => wanted.test(event)).flatMap((event) => inEvent(event, wanted));
}

/**
 * The JSON values of a body, in order: of a document all of it, or its last members where the document is long; of a
 * stream its first and its last events.
 *
 * @param isWhole Did the body come to its end?
 * @param wanted Matches the events and lines that are wanted. Hundreds are kept, and to parse each takes longer than the rest.
 */
export function statementsIn(
  { first, last }: BodyText,
  isWhole: boolean,
  wanted: RegExp = /^/,
): readonly unknown[] {
  const isDocument = /^\s*[{[]/.test(first);
  if (last === null) {
    const document = isDocument ? parsed(first) : undefined;
    return document === undefined ? inEvents(first, wanted) : Array.isArray(document) ? document : [document];
  }
  const lineEnd = last.search(/[\r\n]/);
  if (!isDocument) {
    // The first line of the end has lost its beginning; it may be all that is left of a long event.
    const isLine = lineEnd >= 0 || isWhole;
    const line = lineEnd < 0 ? last : last.slice(0, lineEnd);
    const cut = !isLine ? undefined : wanted.test(line) ? lastObject(line) : {};
    return [...inEvents(first, wanted), cut, ...lineEnd < 0 ? [] : inEvents(last.slice(lineEnd), wanted)];
  }
  const lines = inEvents(last.slice(Math.max(0, lineEnd)), wanted);
  return isWhole ? [...lines, lastObject(last)] : lines;
}
