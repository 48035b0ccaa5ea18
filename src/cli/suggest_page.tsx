/**
 * The page of suggestions.
 *
 * @module
 */

import { count, things } from "../dashboard/number_text.ts";
import { Table } from "../dashboard/table.tsx";
import type { Suggestion, Suggestions } from "../replay/suggest.ts";
import { Curve } from "./curve.tsx";
import { documentOf, Limitations } from "./document.tsx";

/** Names of keys for people. */
const KEYS: Readonly<Record<Suggestion["key"], string>> = {
  ip: "address",
  user: "user",
  "api-key": "API key",
};

function Section({ suggestions }: { suggestions: readonly Suggestion[] }) {
  const [{ key, route, clients }] = suggestions;
  const title = `Per ${KEYS[key]}, ${route === "*" ? "all requests" : route}`;
  return (
    <>
      <Table
        caption={`${title}: ${things(clients, "client")}`}
        head={["Window", "50 %", "99 %", "99.9 %", "all", "Refused at 99.9 %"]}
        rows={suggestions.map(({ window, p50, p99, p999, max, refused }) => [
          window,
          ...[p50, p99, p999, max, refused].map(count),
        ])}
      />
      <div class="charts">
        {suggestions.map((suggestion) => <Curve suggestion={suggestion} of={title} />)}
      </div>
      <p class="note">As rules that leave 99.9 % of these clients untouched:</p>
      <pre
        tabindex={0}
        aria-label={`Rules, ${title}`}
      >{suggestions.map(({ rule }) => `${rule},\n`).join("")}</pre>
    </>
  );
}

/** The suggestions for each key and route. */
function sectionsOf(suggestions: readonly Suggestion[]): Suggestion[][] {
  const sections = new Map<string, Suggestion[]>();
  for (const each of suggestions) {
    const name = `${each.key} ${each.route}`;
    sections.set(name, [...sections.get(name) ?? [], each]);
  }
  return [...sections.values()];
}

/**
 * The page of suggestions, as one file.
 *
 * @param files The names of the logs.
 */
export function suggestPage(
  { requests, suggestions, limitations }: Suggestions,
  files: { readonly logs: readonly string[] },
): string {
  return documentOf(
    "Limits that a log suggests",
    `${files.logs.join(", ")}: ${
      things(requests, "request")
    }. A limit in the tables is the smallest that leaves this part of the ` +
      "clients untouched: they never exceed it within any span of the window's length.",
    <>
      {suggestions.length === 0 ? <p>The log has no request with a client.</p> : null}
      {sectionsOf(suggestions).map((each) => <Section suggestions={each} />)}
      <Limitations of={limitations} />
    </>,
  );
}
