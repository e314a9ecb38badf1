import { ModelError } from '../errors.js';

/** Whether a name fits one of the patterns, in which `*` stands for any characters. */
export function matches(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => new RegExp(`^${pattern.split('*').map(quoted).join('.*')}$`).test(name));
}

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** @throws ModelError `model/invalid` for a pattern that fits none of the names */
export function requireMatches(what: string, patterns: readonly string[], names: readonly string[]): void {
  const idle = patterns.find((pattern) => !names.some((name) => matches(name, [pattern])));
  if (idle === undefined) return;
  throw new ModelError(
    'model/invalid',
    `${what}: no parameter fits ${JSON.stringify(idle)}; the parameters are ${names.slice(0, 40).join(', ')}`,
  );
}
