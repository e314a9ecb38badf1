/** Hooks of Node.js's module loader, which runs them on a thread of its own. */
import type { LoadHook } from 'node:module';
import type { Mutation } from './mutations.js';

let mutation: Mutation | undefined;

export function initialize(data: Mutation): void {
  mutation = data;
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const isOurs = /\/(coordinator|edge-agent|federation)\/dist\//.test(url);
  if (mutation === undefined || !isOurs) return loaded;
  const text = Buffer.from(loaded.source as Uint8Array).toString();
  const source = importedAtOnce(url.endsWith(mutation.module) ? mutated(text, mutation) : text);
  return { ...loaded, source };
};

function mutated(text: string, { module, name, find, replace }: Mutation): string {
  const parts = text.split(find);
  if (parts.length === 2) return parts.join(replace);
  throw new Error(`${module} has the text of ${name} ${parts.length - 1} times, not once`);
}

/**
 * With hooks, even a module that is loaded already is asked for on their thread, and comes after some real time, which no
 * seed decides. So what is imported when it is needed is imported at once.
 */
function importedAtOnce(text: string): string {
  const imports: string[] = [];
  const changed = text.replace(/\bimport\(('\.[^']+')\)/g, (_, path: string) => {
    imports.push(`import * as atOnce${imports.length} from ${path};`);
    return `Promise.resolve(atOnce${imports.length - 1})`;
  });
  return imports.length === 0 ? text : `${imports.join('\n')}\n${changed}`;
}
