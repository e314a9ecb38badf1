/** The published form of the configuration's schema, for editors and for whoever generates configurations. */
import * as z from 'zod';
import { configurationSchema } from './sections.js';

export function configurationJsonSchema(): object {
  return { title: 'starling-agent', ...z.toJSONSchema(configurationSchema, { io: 'input' }) };
}
