/** Faults in a YAML file, each with its path and line. */
import { isAlias, isMap, isNode, isPair, LineCounter, parseDocument, visit, type YAMLError } from 'yaml';
import type { $ZodIssue } from 'zod/v4/core';

/** A fault at a place in a definition. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** The line of a path, counted from 1; of what is missing, the line of what it is missing from. */
export type LineOf = (path: readonly (string | number)[]) => number | undefined;

/** Longest text that is read, in characters: its parser takes seconds for a few mebibytes. */
const charactersMax = 2 ** 20;

/** Reads YAML, or JSON, which is YAML. Throws what `invalid` makes of the text's first fault. */
export function readYaml(
  text: string,
  invalid: (problems: readonly Problem[], lineOf: LineOf) => Error,
): { readonly value: unknown; readonly lineOf: LineOf } {
  if (text.length > charactersMax) {
    const message = `it has ${text.length} characters, more than the ${charactersMax} that are read; is it the right file?`;
    throw invalid([{ path: [], message }], () => undefined);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const problem = { path: [], message: `not YAML: ${explain(broken, text)}` };
    throw invalid([problem], () => lines.linePos(broken.pos[0]).line);
  }
  if (document.contents === null) {
    throw invalid([{ path: [], message: 'there is nothing in it but white space or comments' }], () => 1);
  }
  const lineOf: LineOf = (path) => {
    // The nearest enclosing node that the file has: what is missing has no line of its own.
    for (let depth = path.length; depth >= 0; depth -= 1) {
      const offset = offsetOf(document, path.slice(0, depth));
      if (offset !== undefined) return lines.linePos(offset).line;
    }
    return undefined;
  };
  try {
    return { value: document.toJS(), lineOf };
  } catch (error) {
    // An alias (`*name`) of nothing, or so many of each other that they would fill the memory.
    const message = `not YAML: ${error instanceof Error ? error.message : String(error)}`;
    const offset = unresolvedAlias(document);
    throw invalid([{ path: [], message }], () => offset && lines.linePos(offset).line);
  }
}

function explain({ code, message, pos }: YAMLError, text: string): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here; give each a file of its own';
  if (message.startsWith('Maximum call stack')) return 'it is nested too deeply';
  if (code !== 'DUPLICATE_KEY') return message;
  const key = /^[^\s:]+/.exec(text.slice(pos[0]))?.[0] ?? '';
  return `the key ${key} stands there twice; leave one out`;
}

function unresolvedAlias(document: ReturnType<typeof parseDocument>): number | undefined {
  let offset: number | undefined;
  visit(document, (_, node) => {
    if (!isAlias(node) || node.resolve(document) !== undefined) return undefined;
    offset = node.range?.[0];
    return visit.BREAK;
  });
  return offset;
}

/** One sentence a problem: line, place, what is wrong. */
export function sentencesOf(problems: readonly Problem[], lineOf: LineOf): readonly string[] {
  return problems.map(({ path, message }) => {
    const line = lineOf(path);
    const place = path.reduce<string>(
      (text, step) =>
        typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`,
      '',
    );
    return `${line === undefined ? '' : `line ${line}: `}${place === '' ? '' : `${place}: `}${message}`;
  });
}

/** What zod found, as problems in the words of this project. */
export function problemOf(issue: $ZodIssue): Problem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys') return [{ path: [...path, issue.keys[0]], message: issue.message }];
  if (issue.code === 'invalid_union' && 'options' in issue && issue.options) {
    return [{ path, message: `must be one of ${issue.options.map(String).join(', ')}` }];
  }
  if (issue.code === 'invalid_union') {
    // Of several forms, the one that was meant: the one with the fewest faults, if there is one.
    const [nearest, next] = [...issue.errors].sort((a, b) => a.length - b.length);
    if (nearest !== undefined && nearest.length < (next?.length ?? Number.POSITIVE_INFINITY)) {
      return nearest.flatMap((inner) => problemOf({ ...inner, path: [...issue.path, ...inner.path] }));
    }
  }
  return [{ path, message: sentenceOf(issue) }];
}

/** What zod says, in the words of this project's errors. */
function sentenceOf(issue: $ZodIssue): string {
  if (issue.code === 'invalid_type') {
    if (issue.input === undefined) return 'is missing';
    return `must be ${typeNames[issue.expected] ?? `of type ${issue.expected}`}`;
  }
  if (issue.code === 'too_small') return `must be ${issue.inclusive ? 'at least' : 'above'} ${issue.minimum}`;
  if (issue.code === 'too_big') return `must be ${issue.inclusive ? 'at most' : 'below'} ${issue.maximum}`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  return issue.message;
}

const typeNames: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  object: 'a mapping of keys to values',
};

/** Where a key, or an item of a list, stands in the text. */
function offsetOf(
  document: ReturnType<typeof parseDocument>,
  path: readonly (string | number)[],
): number | undefined {
  if (path.length === 0) return document.contents?.range?.[0];
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const last = path[path.length - 1];
  if (isMap(parent)) {
    const pair = parent.items.find(
      (item) => isPair(item) && isNode(item.key) && String(item.key) === String(last),
    );
    if (pair && isNode(pair.key)) return pair.key.range?.[0];
    return undefined;
  }
  const node = document.getIn(path, true);
  return isNode(node) ? node.range?.[0] : undefined;
}
