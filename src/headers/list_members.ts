/**
 * The members of a list that a response carries already, as they are written.
 *
 * @module
 */

/** One member of a list (RFC 9651 §3.1). */
export interface ListMember {
  /** The member as it is written. */
  readonly text: string;
  /** The member without the contents of its strings: a parameter is found in it. */
  readonly bare: string;
}

/** Splits a field at the commas outside of strings, in one pass whatever an upstream wrote. */
export function membersOf(field: string): readonly ListMember[] {
  const members: ListMember[] = [];
  let start = 0;
  let bare = "";
  let inString = false;
  for (let i = 0; i <= field.length; i++) {
    const character = field[i];
    if (character === undefined || (character === "," && !inString)) {
      const text = field.slice(start, i).trim();
      if (text !== "") members.push({ text, bare });
      start = i + 1;
      bare = "";
    } else if (character === '"') {
      inString = !inString;
      bare += character;
    } else if (!inString) bare += character;
    else if (character === "\\" && i + 1 < field.length) i++;
  }
  return members;
}
