/**
 * The page that answers: what has this key used, why is it refused, when does that end?
 *
 * @module
 */

import type { JSX } from "hono/jsx/jsx-runtime";
import { type Decision, hasNumbers } from "../decision.ts";
import { count, Layout, type Page, span } from "./page.tsx";

/** What was looked up, and what came of it. */
export interface Lookup {
  readonly rule: string;
  readonly key: string;
  /** Has the key just been reset? */
  readonly wasReset: boolean;
  /** The rule's answer to one more request; why there is none; or null when nothing was asked. */
  readonly answer: Decision | string | null;
}

/** Why a request of the key would be refused. */
function reason({ allowed, blocked, source, cost, limit, remaining, retryAfterMs }: Decision): string {
  if (!hasNumbers({ source } as Decision)) return "The store cannot be asked: the failure policy decides.";
  if (allowed) return "One more request passes.";
  if (blocked) return `Blocked: refused too often. The block ends in ${span(retryAfterMs)}.`;
  if (retryAfterMs === Infinity) {
    return `Never passes: it costs ${count(cost)} of a limit of ${count(limit)}.`;
  }
  return `Refused: it costs ${count(cost)} and ${count(remaining)} of ${
    count(limit)
  } are left. It passes again in ${span(retryAfterMs)}.`;
}

function Answer({ page, found: { rule, key }, decision }: { page: Page; found: Lookup; decision: Decision }) {
  const { limit, remaining, windowMs, resetAfterMs, allowed, source } = decision;
  return (
    <section aria-labelledby="answer">
      <h2 id="answer">
        {rule}: <code>{key}</code>
      </h2>
      <p class={allowed ? "passes" : "alarm"}>{reason(decision)}</p>
      <dl class="figures">
        <div class="figure">
          <dt>Used</dt>
          <dd>{`${count(Math.max(0, limit - remaining))} of ${count(limit)}`}</dd>
        </div>
        <div class="figure">
          <dt>Window</dt>
          <dd>{span(windowMs)}</dd>
        </div>
        <div class="figure">
          <dt>Nothing used any more in</dt>
          <dd>{span(resetAfterMs)}</dd>
        </div>
        <div class="figure">
          <dt>Answered by</dt>
          <dd>{source}</dd>
        </div>
      </dl>
      <form method="post" action={`${page.mount}/reset`}>
        <input type="hidden" name="rule" value={rule} />
        <input type="hidden" name="key" value={key} />
        <button type="submit">Reset this key</button>
      </form>
    </section>
  );
}

/** A form for a rule and a key, and the answer. */
export function lookupPage(page: Page, found: Lookup): JSX.Element {
  const { rule, key, answer, wasReset } = found;
  return (
    <Layout page={page} title="Look up" live={false}>
      <form method="get" action={`${page.mount}/lookup`} class="ask">
        <label for="rule">Rule</label>
        <select id="rule" name="rule">
          {page.rules.map(({ name }) => <option value={name} selected={name === rule}>{name}</option>)}
        </select>
        <label for="key">Key</label>
        <input id="key" name="key" value={key} autocomplete="off" spellcheck={false} />
        <button type="submit">Look up</button>
      </form>
      {wasReset ? <p class="passes" role="status">The key was reset.</p> : null}
      {typeof answer === "string" ? <p class="alarm" role="status">{answer}</p> : null}
      {answer !== null && typeof answer === "object"
        ? <Answer page={page} found={found} decision={answer} />
        : null}
      <p class="note">
        The key is what the rule's key function gives: an address, "2001:db8::/64", a user's id.
      </p>
    </Layout>
  );
}
