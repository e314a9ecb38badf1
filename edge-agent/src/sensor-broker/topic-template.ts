/** `plant/{machine}/{sensor}/data`: what is subscribed to, and which sensor a message is of. */
import { AgentError } from '../errors.js';

export interface TopicTemplate {
  /** `plant/+/+/data` */
  readonly filter: string;
  /** The values of the variables, joined by "/"; the topic itself where there are none. Undefined where it does not fit. */
  match(topic: string): string | undefined;
}

/** @throws AgentError `agent/configuration` */
export function parseTopicTemplate(template: string): TopicTemplate {
  const levels = template.split('/');
  const wrong = levels.find((level) => !/^(\{[A-Za-z_]\w*\}|[^{}+#]+)$/.test(level));
  if (wrong !== undefined) {
    throw new AgentError(
      'agent/configuration',
      `${JSON.stringify(wrong)} in the topic ${JSON.stringify(template)} is neither a level nor one {variable}; write for instance plant/{machine}/vibration.`,
    );
  }
  const isVariable = levels.map((level) => level.startsWith('{'));
  return {
    filter: levels.map((level, index) => (isVariable[index] ? '+' : level)).join('/'),
    match(topic) {
      const given = topic.split('/');
      const fits =
        given.length === levels.length &&
        levels.every((level, index) => isVariable[index] || level === given[index]);
      if (!fits) return undefined;
      return given.filter((_, index) => isVariable[index]).join('/') || topic;
    },
  };
}
