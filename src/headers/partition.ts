/**
 * RateLimit-Partition (section 4 of the text after draft 11): the dimensions that divide a policy's quota among clients.
 *
 * @module
 */

import type { Quota } from "./format.ts";
import { writeString } from "./structured_field.ts";

/**
 * The policy's item; "" where no dimension has a registered name. No partition key is sent with it: that would be
 * an identity for everyone to read.
 */
export function writePartition(name: string, dimensions: Quota["dimensions"]): string {
  const entries = Object.entries(dimensions ?? {});
  if (entries.length === 0) return "";
  // A value is a token: methods are the only ones, and are checked where patterns are read.
  return writeString(name) +
    entries.map(([key, value]) => value === true ? `;${key}` : `;${key}=${value}`).join("");
}
