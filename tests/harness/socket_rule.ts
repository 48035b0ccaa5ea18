import { concurrency, type Rule } from "../../mod.ts";

/** A rule for open sockets. */
export function socketRule(limit: number, lease: string): Rule {
  return { name: "sockets", rate: { limit }, algorithm: concurrency({ lease }) };
}
