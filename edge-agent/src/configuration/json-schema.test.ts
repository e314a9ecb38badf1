import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { configurationJsonSchema } from './json-schema.js';

test('the published schema is the one that is checked against', () => {
  const published = new URL('../../../docs/agent-configuration.schema.json', import.meta.url);
  expect(JSON.parse(readFileSync(published, 'utf8'))).toEqual(
    JSON.parse(JSON.stringify(configurationJsonSchema())),
  );
});
