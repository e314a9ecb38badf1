import { expect, test } from 'vitest';
import { isAddress } from './address.js';

test.each(['localhost:7443', '10.0.0.1:1', '[::1]:65535', 'coordinator.example.org:443'])(
  '%s is one',
  (text) => {
    expect(isAddress(text)).toBe(true);
  },
);

test.each([
  '',
  'localhost',
  ':7443',
  'host:',
  'host:0',
  'host:65536',
  'host:99999',
  'a b:1',
  'http://host:1',
  'host:-1',
])('"%s" is none', (text) => {
  expect(isAddress(text)).toBe(false);
});
