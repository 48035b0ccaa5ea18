/**
 * Questions about keys, gathered into rounds: no key is in two rounds of this process at the same time.
 *
 * @module
 */

import { whenOver } from "../wrappers/deadlines.ts";

/** A question that names its keys. */
export interface Keyed {
  /** The keys of the states that it reads and writes, distinct. */
  readonly keys: readonly string[];
}

/** Questions to decide together: each shares a key with another, or is alone. */
export interface Round<Question> {
  readonly questions: readonly Question[];
  /** Their keys, distinct. */
  readonly keys: Iterable<string>;
}

/** A round that more questions may join. */
interface OpenRound<Question> extends Round<Question> {
  readonly questions: Question[];
  readonly keys: Set<string>;
}

/** The options of {@link keyQueue}. */
export interface KeyQueueOptions {
  /** The most keys of a round, unless one question alone has more. */
  readonly mostKeys: number;
  /** The time in ms after which a round no longer keeps its keys from others, in case its answer was lost. */
  readonly patienceMs: number;
}

/** Makes one round of all rounds that share a key with this question. */
function join<Question extends Keyed>(
  question: Question,
  roundOf: Map<string, OpenRound<Question>>,
  mostKeys: number,
): boolean {
  const met = [...new Set(question.keys.flatMap((key) => roundOf.get(key) ?? []))];
  const keys = new Set(question.keys);
  for (const round of met) for (const key of round.keys) keys.add(key);
  if (met.length > 0 && keys.size > mostKeys) return false;
  const [first = { questions: [], keys: new Set<string>() }, ...others] = met;
  for (const { questions } of others) first.questions.push(...questions);
  first.questions.push(question);
  for (const key of keys) roundOf.set(key, first);
  for (const key of keys) first.keys.add(key);
  return true;
}

/**
 * Makes a function that takes questions. Questions of one moment that share keys are one round, and so are those that come while
 * another round has their keys: a key that everybody asks about costs one round after the other, whatever the number of
 * questions. Questions about one key are answered in their order.
 *
 * @param run Decides a round. It never rejects.
 * @param options See {@link KeyQueueOptions}.
 */
export function keyQueue<Question extends Keyed>(
  run: (round: Round<Question>) => Promise<void>,
  { mostKeys, patienceMs }: KeyQueueOptions,
): (question: Question) => void {
  const busy = new Set<string>();
  let waiting: Question[] = [];
  let isDue = false;

  const isBusy = (key: string): boolean => busy.has(key);
  const isFree = ({ keys }: Question): boolean => !keys.some(isBusy);

  function schedule(): void {
    if (isDue) return;
    isDue = true;
    Promise.resolve().then(begin);
  }

  function begin(): void {
    isDue = false;
    const asked = waiting;
    waiting = [];
    // The usual case, without the maps.
    if (asked.length === 1 && isFree(asked[0])) return start({ questions: asked, keys: asked[0].keys });
    const roundOf = new Map<string, OpenRound<Question>>();
    /** Keys of questions that wait: a later question about one of them must not overtake. */
    const kept = new Set<string>();
    for (const question of asked) {
      const mayGo = isFree(question) && !question.keys.some((key) => kept.has(key));
      if (mayGo && join(question, roundOf, mostKeys)) continue;
      waiting.push(question);
      for (const key of question.keys) kept.add(key);
    }
    for (const round of new Set(roundOf.values())) start(round);
  }

  function start(round: Round<Question>): void {
    for (const key of round.keys) busy.add(key);
    whenOver(run(round), patienceMs, () => {
      for (const key of round.keys) busy.delete(key);
      if (waiting.length > 0) schedule();
    });
  }

  return (question) => {
    waiting.push(question);
    schedule();
  };
}
