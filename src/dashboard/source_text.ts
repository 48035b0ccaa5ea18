/**
 * The sources of decisions in words for people.
 *
 * @module
 */

import type { Source } from "../decision.ts";

/** The words after "answered by". */
export const SOURCES: Readonly<Record<Source, string>> = {
  store: "the store",
  "deny-cache": "this instance, which remembers the refusal",
  lease: "this instance, from units taken ahead",
  local: "this instance alone: the store fails",
  rule: "the rule itself",
  "allowed-by-policy": "the failure policy",
  "denied-by-policy": "the failure policy",
};
