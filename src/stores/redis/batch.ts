/**
 * Questions that are asked at the same moment, gathered into one call.
 *
 * @module
 */

/** Questions of a group that have not been sent yet, and the promise of their answers. */
interface Batch<Question, Answer> {
  readonly questions: Question[];
  /** The answers to all questions together. */
  size: number;
  readonly answers: Promise<readonly (Answer | Error)[]>;
}

/**
 * Makes a function that asks one question out of a call that answers many: all questions asked in the same microtask, and in
 * those that already wait behind it, go in one call, unless they may not go together.
 *
 * @param call Answers questions, in order; an Error is the answer to one alone. When it rejects, that is the answer to all.
 * @param sizeOf How large a question is.
 * @param most How large those of one call are together, unless one alone is larger.
 * @returns The function. Questions of one group (default 0) go together. It rejects with the Error that is the answer.
 */
export function batched<Question, Answer>(
  call: (questions: readonly Question[]) => Promise<readonly (Answer | Error)[]>,
  sizeOf: (question: Question) => number,
  most: number,
): (question: Question, group?: number) => Promise<Answer> {
  const open = new Map<number, Batch<Question, Answer>>();

  function begin(group: number): Batch<Question, Answer> {
    const questions: Question[] = [];
    const batch: Batch<Question, Answer> = {
      questions,
      size: 0,
      answers: Promise.resolve().then(() => send(batch, group)),
    };
    open.set(group, batch);
    return batch;
  }

  function send(batch: Batch<Question, Answer>, group: number): Promise<readonly (Answer | Error)[]> {
    if (open.get(group) === batch) open.delete(group);
    return call(batch.questions);
  }

  return async (question, group = 0) => {
    const size = sizeOf(question);
    let batch = open.get(group);
    if (batch === undefined || batch.size + size > most) batch = begin(group);
    batch.size += size;
    const place = batch.questions.push(question) - 1;
    const answer = (await batch.answers)[place];
    if (answer instanceof Error) throw answer;
    return answer;
  };
}
