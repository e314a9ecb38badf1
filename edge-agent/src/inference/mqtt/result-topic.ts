/** Where the results of a sensor's examples are published: `hall/{source}/result`. */
import { AgentError } from '../../errors.js';

/** Undefined where a topic cannot be made of the sensor's name. */
export type ResultTopic = (source: string) => string | undefined;

const variable = '{source}';
/** MQTT 5, section 4.7: no wildcard stands in a topic, and what is no character may make a broker hang up. */
const unusable = /[+#]|\p{C}/u;

/**
 * The first level is fixed, so that a sensor chooses by its name nothing outside of it.
 *
 * @throws AgentError `agent/configuration`
 */
export function parseResultTopic(template: string): ResultTopic {
  const levels = template.split('/');
  const isSound =
    levels.filter((level) => level === variable).length === 1 &&
    levels.every(
      (level) => level === variable || (level !== '' && !/[{}]/.test(level) && !unusable.test(level)),
    ) &&
    levels[0] !== variable &&
    !template.startsWith('$');
  if (!isSound) {
    throw new AgentError(
      'agent/configuration',
      `${JSON.stringify(template)} is no topic for results; write fixed levels and one ${variable} after the first, such as hall/${variable}/result.`,
    );
  }
  return (source) => {
    if (unusable.test(source) || source.split('/').includes('')) return undefined;
    return levels.map((level) => (level === variable ? source : level)).join('/');
  };
}
