/**
 * Questions that are asked at the same moment, gathered into one call.
 *
 * @module
 */

/** The two functions that settle the promise of an answer. */
interface Settlers<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** Questions of a group that have not been sent yet. */
interface Batch<Question, Answer> {
  readonly questions: Question[];
  /** By question. */
  readonly settlers: Settlers<Answer>[];
  /** The size of all questions together. */
  size: number;
}

/** One for all calls. Not `queueMicrotask`, for which Node makes an object per call. */
const RESOLVED = /* @__PURE__ */ Promise.resolve();
const atOnce = (): Promise<void> => RESOLVED;

/**
 * Makes a function that asks one question out of a call that answers many: all questions asked in the same microtask, and in
 * those that already wait behind it, go in one call, unless they may not go together. Where calls wait for their turn, all
 * questions that come meanwhile do.
 *
 * @param call Answers questions, in order; an Error is the answer to one alone. When it rejects, that is the answer to all.
 * @param sizeOf How large a question is.
 * @param most How large those of one call are together, unless one alone is larger.
 * @param turn Resolves when a call may begin. Default: at once.
 * @returns The function. Questions of one group (default 0) go together. It rejects with the Error that is the answer.
 */
export function batched<Question, Answer>(
  call: (questions: readonly Question[]) => Promise<readonly (Answer | Error)[]>,
  sizeOf: (question: Question) => number,
  most: number,
  turn: () => Promise<void> = atOnce,
): (question: Question, group?: number) => Promise<Answer> {
  const open = new Map<number, Batch<Question, Answer>>();

  function begin(group: number): Batch<Question, Answer> {
    const batch: Batch<Question, Answer> = { questions: [], settlers: [], size: 0 };
    open.set(group, batch);
    void turn().then(() => send(batch, group));
    return batch;
  }

  function send(batch: Batch<Question, Answer>, group: number): void {
    if (open.get(group) === batch) open.delete(group);
    const { questions, settlers } = batch;
    call(questions).then((answers) => {
      settlers.forEach(({ resolve, reject }, i) => {
        const answer = answers[i];
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      });
    }, (error) => {
      for (const { reject } of settlers) reject(error);
    });
  }

  return (question, group = 0) =>
    new Promise((resolve, reject) => {
      const size = sizeOf(question);
      let batch = open.get(group);
      if (batch === undefined || batch.size + size > most) batch = begin(group);
      batch.size += size;
      batch.questions.push(question);
      batch.settlers.push({ resolve, reject });
    });
}
