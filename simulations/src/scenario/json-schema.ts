import * as z from 'zod';
import { scenarioSchema } from './schema.js';

/** The JSON Schema of a scenario, for editors: `# yaml-language-server: $schema=…`. */
export function scenarioJsonSchema(): object {
  return {
    title: 'A scenario of starling-sim',
    ...z.toJSONSchema(scenarioSchema, { io: 'input', unrepresentable: 'any' }),
  };
}
