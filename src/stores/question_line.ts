/**
 * Questions to a database that does one transaction at a time: a question that comes while another one is under way waits,
 * and all that wait go together.
 *
 * @module
 */

import { isPromise, type MaybePromise, rescue } from "../maybe.ts";
import { NotDecided } from "./not_decided.ts";

/** The options of {@link questionLine}. */
export interface LineOptions<Question, Answer> {
  /** Answers questions together, in order; an Error is the answer to one alone. When it fails, none is answered. */
  readonly run: (questions: readonly Question[]) => MaybePromise<readonly (Answer | Error)[]>;
  /** Does this error mean that nothing was done, and that the same may go well a moment later? */
  readonly mayRetry: (error: unknown) => boolean;
  /** How long a question waits, and is tried again, before it fails, in ms. */
  readonly timeoutMs: number;
  /** The most questions that go together. */
  readonly most: number;
}

/** A question that waits. */
interface Waiting<Question, Answer> {
  readonly question: Question;
  /** By the steady clock. */
  readonly since: number;
  /** How often it was tried, and the error of the last try. */
  readonly tries: number;
  readonly lost: unknown;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** The pauses between tries double from the first one on, in ms. */
const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 32;

/** A pause of no fixed length, so that processes that wait for each other do not come back together. */
function pause(tries: number): Promise<void> {
  const ms = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
  return new Promise((resume) => setTimeout(resume, ms * (0.5 + Math.random())));
}

function valueOf<Answer>(answer: Answer | Error): Answer {
  if (answer instanceof Error) throw answer;
  return answer;
}

const steady = (): number => performance.now();

/** One line of questions. */
class QuestionLine<Question, Answer> {
  private readonly options: LineOptions<Question, Answer>;
  private waiting: Waiting<Question, Answer>[] = [];
  /** The round that is under way; null: a question need not wait. */
  private round: object | null = null;
  private askedAt = 0;

  constructor(options: LineOptions<Question, Answer>) {
    this.options = options;
  }

  ask(question: Question): MaybePromise<Answer> {
    if (this.isBusy()) return this.wait(question);
    return rescue(() => {
      const answers = this.run([question]);
      return isPromise(answers) ? this.first(answers) : valueOf(answers[0]);
    }, (error) => {
      if (!this.options.mayRetry(error)) throw error;
      return this.wait(question, 1, error);
    });
  }

  /** A transaction that never ends, as of a server that went away, holds up no question for good. */
  private isBusy(): boolean {
    return this.round !== null && steady() - this.askedAt <= 2 * this.options.timeoutMs;
  }

  private run(questions: readonly Question[]): MaybePromise<readonly (Answer | Error)[]> {
    this.askedAt = steady();
    return this.options.run(questions);
  }

  /** The first question of a round. */
  private first(answers: Promise<readonly (Answer | Error)[]>): Promise<Answer> {
    const round = this.round = {};
    const goOn = (): void => void this.serve(round);
    answers.then(goOn, goOn);
    return answers.then(([answer]) => valueOf(answer));
  }

  private wait(question: Question, tries = 0, lost?: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ question, since: steady(), tries, lost, resolve, reject });
      if (!this.isBusy()) void this.serve(this.round = {});
    });
  }

  /** Answers all that wait, round after round. */
  private async serve(round: object): Promise<void> {
    while (this.round === round) {
      const [first] = this.waiting;
      if (first === undefined) this.round = null;
      else {
        if (first.tries > 0) await pause(first.tries);
        await this.serveTogether(round);
      }
    }
  }

  /** Answers the first questions that wait. */
  private async serveTogether(round: object): Promise<void> {
    const { timeoutMs, most, mayRetry } = this.options;
    const line = this.waiting.splice(0, most).filter(({ since, lost, reject }) => {
      const isInTime = steady() - since <= timeoutMs;
      // No request waits for its charge any more.
      if (!isInTime) reject(new NotDecided(`The database was busy for ${timeoutMs} ms`, { cause: lost }));
      return isInTime;
    });
    if (line.length === 0) return;
    try {
      const answers = await this.run(line.map(({ question }) => question));
      // Before the answers arrive: a caller that asks again at once need not wait.
      if (this.waiting.length === 0 && this.round === round) this.round = null;
      line.forEach(({ resolve, reject }, i) => {
        const answer = answers[i];
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      });
    } catch (error) {
      if (mayRetry(error)) {
        this.waiting.unshift(...line.map((one) => ({ ...one, tries: one.tries + 1, lost: error })));
      } else for (const { reject } of line) reject(error);
    }
  }
}

/**
 * Makes a line of questions. One that meets no other is asked at once, and answered at once where `run` is synchronous.
 *
 * @param options See {@link LineOptions}.
 * @returns The function that asks. It fails as `run` does, unless that may be tried again.
 */
export function questionLine<Question, Answer>(
  options: LineOptions<Question, Answer>,
): (question: Question) => MaybePromise<Answer> {
  const line = new QuestionLine(options);
  return (question) => line.ask(question);
}
