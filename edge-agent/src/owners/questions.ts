/** A question is answered once: asked again, of a cohort without one device, it would tell of that device. */
import type { AnsweredQuestion } from './pins.js';

/** How many questions of a task are remembered; older ones than all of these are refused unseen. */
const questionsMax = 64;

/** The questions to remember from now on, or `undefined` where this one was answered before, or in another run. */
export function withQuestion(
  answered: readonly AnsweredQuestion[],
  question: AnsweredQuestion,
): readonly AnsweredQuestion[] | undefined {
  const known = answered.find(({ id }) => id === question.id);
  if (known !== undefined) {
    return known.runId === question.runId && known.isTold !== true ? answered : undefined;
  }
  if (answered.length >= questionsMax && question.askedAtMs <= answered[0].askedAtMs) return undefined;
  return [...answered, question].sort((a, b) => a.askedAtMs - b.askedAtMs).slice(-questionsMax);
}

/** The questions once the answer to the one of this run is told; `undefined` where there is none, or it was told before. */
export function withTold(
  answered: readonly AnsweredQuestion[],
  runId: string,
): readonly AnsweredQuestion[] | undefined {
  if (!answered.some((question) => question.runId === runId && question.isTold !== true)) return undefined;
  return answered.map((question) => (question.runId === runId ? { ...question, isTold: true } : question));
}
