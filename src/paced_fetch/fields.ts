/**
 * The part of Structured Fields (RFC 9651) that rate fields use: lists and dictionaries of items with
 * parameters.
 *
 * @module
 */

/**
 * One member of a list or a dictionary, unparsed: its name in a dictionary, undefined in a list; its value;
 * and its parameters, undefined for one without a value.
 */
export type Member = readonly [
  name: string | undefined,
  value: string,
  parameters: Readonly<Record<string, string | undefined>>,
];

/** Display Strings (%"...") too: a parameter that nobody here reads must not lose the whole field. */
const BARE = '(%?"(?:[ !#-[\\]-~]|\\\\["\\\\])*"|[^\\s",;]+)';
const PARAMETER = `; *([^\\s",;=]+)(?:=${BARE})?`;
const MEMBER = `\\s*(?:([a-z]+)=)?${BARE}((?:${PARAMETER})*)\\s*(,|$)`;

/**
 * Parses a field.
 *
 * @param text The field's value.
 * @returns Its members; none for a malformed field, which is ignored as a whole (RFC 9651 section 4.2).
 */
export function membersOf(text: string): readonly Member[] {
  const members: Member[] = [];
  const next = new RegExp(MEMBER, "y");
  for (let end = ","; end;) {
    const found = next.exec(text);
    if (found === null) return [];
    const parameters: Record<string, string | undefined> = {};
    for (const [, key, value] of found[3].matchAll(new RegExp(PARAMETER, "g"))) {
      parameters[key] = value;
    }
    members.push([found[1], found[2], parameters]);
    end = found[6];
  }
  return members;
}
