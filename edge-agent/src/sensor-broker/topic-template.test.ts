import { expect, test } from 'vitest';
import { parseTopicTemplate } from './topic-template.js';

test('a template names its sensor by the variables, and is refused where it is none', () => {
  const template = parseTopicTemplate('plant/{machine}/{axis}/data');
  expect(template.filter).toBe('plant/+/+/data');
  expect(template.match('plant/m1/x/data')).toBe('m1/x');
  expect(template.match('plant/m1/data')).toBeUndefined();
  expect(parseTopicTemplate('a/b').match('a/b')).toBe('a/b');
  for (const wrong of ['a/+', '#', 'a//b', 'a/{x', 'a/{x}y'])
    expect(() => parseTopicTemplate(wrong)).toThrow(/topic/);
});
