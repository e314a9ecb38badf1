/** A question is answered in one run only: asked again, of a cohort without one device, it would tell of that device. */
import type { AnsweredQuestion } from './pins.js';

/** How many questions of a task are remembered; older ones than all of these are refused unseen. */
const questionsMax = 64;

/** The questions to remember from now on, or `undefined` where this one was answered before. */
export function withQuestion(
  answered: readonly AnsweredQuestion[],
  question: AnsweredQuestion,
): readonly AnsweredQuestion[] | undefined {
  const known = answered.find(({ id }) => id === question.id);
  if (known !== undefined) return known.runId === question.runId ? answered : undefined;
  if (answered.length >= questionsMax && question.askedAtMs <= answered[0].askedAtMs) return undefined;
  return [...answered, question].sort((a, b) => a.askedAtMs - b.askedAtMs).slice(-questionsMax);
}
