/** From the topic of a question to that of its answer: both templates share their variables. */
import { AgentError } from '../../errors.js';

export type AnswerTopic = (question: string) => string | undefined;

/** @throws AgentError `agent/configuration` where the answer has a variable that the question lacks */
export function parseAnswerTopic(answer: string, question: string): AnswerTopic {
  const levels = question.split('/');
  const parts = answer.split('/').map((level) => (level.startsWith('{') ? levels.indexOf(level) : level));
  const lacking = answer.split('/').find((_, index) => parts[index] === -1);
  if (lacking !== undefined) {
    throw new AgentError(
      'agent/configuration',
      `The answer's topic ${JSON.stringify(answer)} has ${lacking}, which ${JSON.stringify(question)} has not; use its variables only.`,
    );
  }
  const isVariable = levels.map((level) => level.startsWith('{'));
  return (topic) => {
    const given = topic.split('/');
    const fits =
      given.length === levels.length &&
      levels.every((level, index) => isVariable[index] || level === given[index]);
    return fits ? parts.map((part) => (typeof part === 'number' ? given[part] : part)).join('/') : undefined;
  };
}
