/**
 * The part of Structured Fields (RFC 9651) that rate fields are written in: lists and dictionaries of items with
 * parameters.
 *
 * @module
 */

/** One member of a list or a dictionary. */
export interface Member {
  /** The member's name in a dictionary; undefined in a list. */
  readonly key: string | undefined;
  /** Its value: a string, a token, a byte sequence's base64 text, or a number. */
  readonly value: string | number;
  /** Its parameters. A parameter without a value is true. */
  readonly parameters: Readonly<Record<string, string | number | true>>;
}

const STRING = '"(?:[ !#-\\[\\]-~]|\\\\["\\\\])*"';
const BARE =
  `${STRING}|-?\\d{1,15}(?:\\.\\d{1,3})?|:[A-Za-z0-9+/=]*:|\\?[01]|[A-Za-z*][\\w!#$%&'*+.^\`|~:/-]*`;
const KEY = "[a-z*][a-z0-9_.*-]*";
const MEMBER = `[ \\t]*(?:(${KEY})=)?(${BARE})((?:; *${KEY}(?:=(?:${BARE}))?)*)[ \\t]*(,|$)`;
const PARAMETER = `; *(${KEY})(?:=(${BARE}))?`;

function valueOf(text: string): string | number {
  if (text[0] === '"') return text.slice(1, -1).replace(/\\(.)/g, "$1");
  if (text[0] === ":") return text.slice(1, -1);
  return /^[-\d]/.test(text) ? Number(text) : text;
}

/**
 * Reads a field.
 *
 * @param text The field's value.
 * @returns Its members; none for a field that is malformed, which is ignored whole (RFC 9651 section 4.2).
 */
export function membersOf(text: string | null): readonly Member[] {
  if (text === null || text.length > 8192) return [];
  const members: Member[] = [];
  const next = new RegExp(MEMBER, "y");
  for (let end = ","; end === ",";) {
    const found = next.exec(text);
    if (found === null) return [];
    const parameters: Record<string, string | number | true> = {};
    for (const [, key, value] of found[3].matchAll(new RegExp(PARAMETER, "g"))) {
      parameters[key] = value === undefined ? true : valueOf(value);
    }
    members.push({ key: found[1], value: valueOf(found[2]), parameters });
    end = found[4];
  }
  return members;
}
