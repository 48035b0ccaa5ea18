/**
 * The explanation of one request, rule by rule.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import type { ExplainedRule, Explanation } from "../explain/explanation.ts";
import { count } from "./number_text.ts";
import type { Page } from "./page.tsx";
import { SOURCES } from "./source_text.ts";

/** The request that is explained, as the form has it. */
export interface AskedRequest {
  /** "POST /login" */
  readonly request: string;
  readonly address: string;
}

function Verdict({ rule: { applies, decision } }: { rule: ExplainedRule }) {
  if (!applies) return <span class="badge quiet">does not apply</span>;
  if (decision === null) return <span class="badge quiet">not asked</span>;
  if (decision.allowed) return <span class="badge">allows</span>;
  return decision.mode === "shadow"
    ? <span class="badge shadow">would refuse</span>
    : <span class="badge refusing">refuses</span>;
}

/** A clause as a sentence. */
const sentence = (clause: string): string => `${clause[0].toUpperCase()}${clause.slice(1)}.`;

function Rule({ page: { links }, rule: explained }: { page: Page; rule: ExplainedRule }) {
  const { rule, because, key, decision, used, passes } = explained;
  return (
    <section class="panel">
      <h3>
        {rule} <Verdict rule={explained} />
      </h3>
      <p class="sum">{sentence(because)}</p>
      {decision === null ? null : (
        <dl class="facts">
          {key === null ? null : (
            <div>
              <dt>Key</dt>
              <dd>
                <a href={`${links}lookup?${new URLSearchParams({ rule, key: key.value })}`}>
                  {key.value === "" ? "The empty key" : key.value}
                </a>
              </dd>
            </div>
          )}
          {used === null ? null : (
            <div>
              <dt>In use</dt>
              <dd>
                {`${count(used)} of ${count(decision.limit)}; ${count(decision.remaining)} left, it costs ${
                  count(decision.cost)
                }`}
              </dd>
            </div>
          )}
          <div>
            <dt>Verdict</dt>
            <dd>{sentence(passes!.replace(/^(passes at .*); passes with/, "$1, or with"))}</dd>
          </div>
          <div>
            <dt>Answer</dt>
            <dd>{sentence(`by ${SOURCES[decision.source]}`)}</dd>
          </div>
        </dl>
      )}
    </section>
  );
}

/** An explanation, or the reason why there is none. */
export function Explained(
  { page, asked: { request, address }, explanation }: {
    page: Page;
    asked: AskedRequest;
    explanation: Explanation | string;
  },
): JSX.Element {
  if (typeof explanation === "string") return <p class="alarm">{explanation}</p>;
  const { allowed, rules, text } = explanation;
  const [verdict, found] = text.split("\n");
  return (
    <section aria-labelledby="explained" class="apart">
      <h2 id="explained">
        <code>{request}</code>
        {address === "" ? "" : ` from ${address}`}
      </h2>
      <p class={allowed ? "passes" : "alarm"}>{verdict}</p>
      <p class="note">{found}</p>
      <div class="cards">{rules.map((rule) => <Rule page={page} rule={rule} />)}</div>
      <details>
        <summary>As text, to send on</summary>
        <pre class="panel">{text}</pre>
      </details>
    </section>
  );
}

/** The form that asks for an explanation. */
export function ExplainForm(
  { page, asked: { request, address } }: { page: Page; asked: AskedRequest },
): JSX.Element {
  const plain = { autocomplete: "off", autocapitalize: "off", spellcheck: false } as const;
  return (
    <section aria-labelledby="explain" class="apart">
      <h2 id="explain">Explain a request</h2>
      <form method="get" action={`${page.links}lookup`} class="ask">
        <div>
          <label for="request">Request</label>
          <input id="request" name="request" value={request} required placeholder="POST /login" {...plain} />
        </div>
        <div>
          <label for="address">Address</label>
          <input id="address" name="address" value={address} placeholder="203.0.113.9" {...plain} />
        </div>
        <button type="submit">Explain</button>
      </form>
      <p class="note">
        Asks every rule about one more request of this address, without headers, and charges nothing.
      </p>
    </section>
  );
}
