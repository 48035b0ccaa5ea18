/**
 * The look-up page: the use of one key, the reason of its refusal, and its end; and the explanation of one request.
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import { type Decision, hasNumbers } from "../decision.ts";
import type { Explanation } from "../explain/explanation.ts";
import { Bar } from "./bar.tsx";
import { type AskedRequest, Explained, ExplainForm } from "./explained.tsx";
import { Figure } from "./figure.tsx";
import { count, span } from "./number_text.ts";
import { Layout, type Page } from "./page.tsx";
import { SOURCES } from "./source_text.ts";
import { usedOf } from "./used.ts";

/** The looked-up key and the answer. */
export interface Lookup {
  readonly rule: string;
  readonly key: string;
  /** Was the key reset by the previous request? */
  readonly wasReset: boolean;
  /** The rule's decision on one more request; the reason why there is none; or null before the form is sent. */
  readonly answer: Decision | string | null;
  /** The request to explain, as the form has it. */
  readonly asked: AskedRequest;
  /** Its explanation; the reason why there is none; or null before that form is sent. */
  readonly explanation: Explanation | string | null;
}

/** Explains whether one more request of the key would pass. */
function verdict(decision: Decision): string {
  const { allowed, blockedMs, cost, limit, remaining, retryAfterMs, mode } = decision;
  if (!hasNumbers(decision)) {
    return `The store fails, and the failure policy ${allowed ? "allows" : "refuses"} the request.`;
  }
  if (allowed) return "One more request passes.";
  const word = mode === "shadow" ? "A live rule would refuse it" : "Refused";
  if (retryAfterMs === Infinity) {
    return `${word} always: it costs ${count(cost)} of a limit of ${count(limit)}.`;
  }
  const again = `It passes again in ${span(retryAfterMs)}.`;
  if (blockedMs === 0) {
    return `${word}: it costs ${count(cost)}, and of ${count(limit)} there are ${
      count(remaining)
    } left. ${again}`;
  }
  const block = `${word}: blocked for ${span(blockedMs)} more, as it was refused too often.`;
  return blockedMs < retryAfterMs ? `${block} ${again}` : block;
}

function Usage({ page: { throttle }, decision }: { page: Page; decision: Decision }) {
  const { limit, remaining, windowMs, resetAfterMs, source } = decision;
  const used = usedOf(throttle, decision);
  return (
    <dl class="figures">
      <Figure name="Used" note={<Bar whole={limit} parts={[[used < limit ? "total" : "refused", used]]} />}>
        {`${count(used)} of ${count(limit)}`}
      </Figure>
      <Figure name="Left">{count(remaining)}</Figure>
      <Figure name="Window">{span(windowMs)}</Figure>
      <Figure name="Unused again in" note="if nothing else comes">{span(resetAfterMs)}</Figure>
      <Figure name="Answered by">
        <span class="words">{SOURCES[source]}</span>
      </Figure>
    </dl>
  );
}

function Answer({ page, found: { rule, key, answer, wasReset } }: { page: Page; found: Lookup }) {
  const isKnown = page.throttle.rules.some(({ name }) => name === rule);
  return (
    <section aria-labelledby="answer">
      <h2 id="answer">
        {key === "" ? "The empty key" : <code>{key}</code>} under {rule}
      </h2>
      {wasReset ? <p class="passes" role="status">This key was reset.</p> : null}
      {answer !== null && typeof answer === "object"
        ? (
          <>
            <p class={answer.allowed ? "passes" : "alarm"}>{verdict(answer)}</p>
            {hasNumbers(answer) ? <Usage page={page} decision={answer} /> : null}
          </>
        )
        : <p class="alarm">{answer}</p>}
      {isKnown
        ? (
          <form method="post" action={`${page.links}reset`}>
            <input type="hidden" name="rule" value={rule} />
            <input type="hidden" name="key" value={key} />
            <button type="submit" class="grave">Reset this key</button>
            <p class="note">Returns the key's quota under this rule, and lifts its block.</p>
          </form>
        )
        : null}
    </section>
  );
}

/** A form for a rule and a key, another for a request, and the answer to one of them. */
export function lookupPage(page: Page, found: Lookup): JSX.Element {
  const { rule, key, answer, asked, explanation } = found;
  return (
    <Layout page={page} title="Look up">
      <form method="get" action={`${page.links}lookup`} class="ask">
        <div>
          <label for="rule">Rule</label>
          <select id="rule" name="rule">
            {page.throttle.rules.map(({ name }) => (
              <option value={name} selected={name === rule}>{name}</option>
            ))}
          </select>
        </div>
        <div>
          <label for="key">Key</label>
          <input
            id="key"
            name="key"
            value={key}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            aria-describedby="key-note"
          />
        </div>
        <button type="submit">Look up</button>
      </form>
      <p class="note" id="key-note">
        The key is the result of the rule's key function: an address such as{" "}
        <code>203.0.113.9</code>, the network <code>2001:db8::/64</code> of one, a user's id, or{" "}
        <code>all</code> if all clients share one quota.
      </p>
      {answer === null ? null : <Answer page={page} found={found} />}
      <ExplainForm page={page} asked={asked} />
      {explanation === null ? null : <Explained page={page} asked={asked} explanation={explanation} />}
    </Layout>
  );
}
