/**
 * JSON whose beginning is lost.
 *
 * @module
 */

/** The value of a JSON text; undefined for a text that is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Is the quote at this index part of a string, by an odd number of backslashes before it? */
function isEscaped(text: string, index: number): boolean {
  let start = index;
  while (text[start - 1] === "\\") start--;
  return (index - start) % 2 === 1;
}

/** The commas and the end of a container that lies open where the text begins. */
interface Open {
  readonly isObject: boolean;
  /** The index of its last character. */
  readonly end: number;
  /** The index of the first comma between its members; -1 without one. */
  comma: number;
}

/** The containers that lie open where the text begins, the outermost first; the text itself if it is a whole value. */
function openContainers(text: string): readonly Open[] | string {
  const open: Open[] = [];
  let isString = false;
  // Backwards: only the end of the text is known to be outside of strings.
  for (let i = text.length - 1; i >= 0; i--) {
    const character = text[i];
    if (character === '"') {
      if (!isString || !isEscaped(text, i)) isString = !isString;
    } else if (isString) continue;
    else if (character === "}" || character === "]") {
      open.push({ isObject: character === "}", end: i, comma: -1 });
    } else if (character === "{" || character === "[") {
      open.pop();
      if (open.length === 0) return text.slice(i);
    } else if (character === "," && open.length > 0) open[open.length - 1].comma = i;
  }
  return open;
}

/**
 * The last object in a text, as far as it is there: of an object whose beginning is lost its last members, and of one whose
 * last such member is an object that lost its beginning too, the last members of that as its member `response`, as
 * OpenAI's event names it. Text of the model cannot pose as such a member: it is in strings or in lists.
 */
export function lastObject(text: string): unknown {
  // The end of a list of objects, as Gemini streams without `alt=sse`, is left off.
  let end = text.length;
  while (end > 0 && "], \t\r\n".includes(text[end - 1])) end--;
  const found = openContainers(text.slice(0, end));
  if (typeof found === "string") return parsed(found);
  const [outer, inner] = found;
  if (!outer?.isObject) return undefined;
  const members = ({ comma, end }: Open): object =>
    comma < 0 ? {} : parsed(`{${text.slice(comma + 1, end + 1)}`) as object;
  return { ...inner?.isObject ? { response: members(inner) } : {}, ...members(outer) };
}
