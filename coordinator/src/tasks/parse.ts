import { isAbsolute, resolve } from 'node:path';
import { ModelError, OnnxError } from '@starling/engine';
import { isMap, isNode, isPair, LineCounter, parseDocument } from 'yaml';
import type { $ZodIssue } from 'zod/v4/core';
import { CoordinatorError, refusal } from '../errors.js';
import { findContradictions, modelOf, type Problem } from './consistency.js';
import type { TaskDefinition } from './definition.js';
import { withWeighting } from './privacy-schema.js';
import { taskSchema } from './schema.js';

type LineOf = (path: readonly (string | number)[]) => number | undefined;

/**
 * Reads a task from YAML or JSON (which is YAML). Paths in it are taken from `folder`, an absolute path.
 * Throws a `CoordinatorError` TASK_INVALID that lists every fault with its path and line.
 */
export function parseTaskFile(text: string, folder: string): TaskDefinition {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const problem = { path: [], message: `not YAML: ${broken.message}` };
    throw invalidTask([problem], () => lines.linePos(broken.pos[0]).line);
  }
  const lineOf: LineOf = (path) => {
    // The nearest enclosing node that the file has: what is missing has no line of its own.
    for (let depth = path.length; depth >= 0; depth -= 1) {
      const offset = offsetOf(document, path.slice(0, depth));
      if (offset !== undefined) return lines.linePos(offset).line;
    }
    return undefined;
  };
  const value: unknown = document.toJS();
  const task = parse(withAbsoluteModel(value, folder), lineOf);
  const { central } = task.evaluation;
  if (central === null || isAbsolute(central.examples)) return task;
  const examples = resolve(folder, central.examples);
  return { ...task, evaluation: { ...task.evaluation, central: { ...central, examples } } };
}

/** A model's path must be absolute before it is read. */
function withAbsoluteModel(value: unknown, folder: string): unknown {
  if (!isObject(value) || !isObject(value.model) || typeof value.model.onnx !== 'string') return value;
  return { ...value, model: { ...value.model, onnx: resolve(folder, value.model.onnx) } };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** Reads a task's JSON, as it travels and is stored. Throws a `CoordinatorError` TASK_INVALID. */
export function parseTask(json: string): TaskDefinition {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    const message = `not JSON: ${error instanceof Error ? error.message : String(error)}`;
    throw invalidTask([{ path: [], message }], () => undefined);
  }
  const task = parse(value, () => undefined);
  if (task.evaluation.central !== null && !isAbsolute(task.evaluation.central.examples)) {
    const message = 'must be an absolute path';
    throw invalidTask([{ path: ['evaluation', 'central', 'examples'], message }], () => undefined);
  }
  return task;
}

/** The one spelling of a definition: sorted keys, no white space. Equal definitions give equal strings. */
export function formatTask(definition: TaskDefinition): string {
  return JSON.stringify(definition, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}

function parse(value: unknown, lineOf: LineOf): TaskDefinition {
  const result = taskSchema.safeParse(withWeighting(value), { reportInput: true });
  if (!result.success) throw invalidTask(result.error.issues.flatMap(problemOf), lineOf);
  const problems = contradictions(result.data);
  if (problems.length > 0) throw invalidTask(problems, lineOf);
  return result.data;
}

function contradictions(task: TaskDefinition): Problem[] {
  try {
    const model = modelOf(task);
    return findContradictions(task, model.inputShape, model.outputShape);
  } catch (error) {
    if (error instanceof OnnxError) return [{ path: ['model', 'onnx'], message: error.message }];
    if (!(error instanceof ModelError)) throw error;
    const path = error.layerIndex === undefined ? ['model'] : ['model', 'layers', error.layerIndex];
    return [{ path, message: error.message }];
  }
}

function problemOf(issue: $ZodIssue): Problem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys') return [{ path: [...path, issue.keys[0]], message: issue.message }];
  if (issue.code === 'invalid_union' && 'options' in issue && issue.options) {
    return [{ path, message: `must be one of ${issue.options.map(String).join(', ')}` }];
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
  return issue.message;
}

const typeNames: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  object: 'a mapping of keys to values',
};

function invalidTask(problems: readonly Problem[], lineOf: LineOf): CoordinatorError {
  const sentences = problems.map(({ path, message }) => {
    const line = lineOf(path);
    const place = path.reduce<string>(
      (text, step) =>
        typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`,
      '',
    );
    return `${line === undefined ? '' : `line ${line}: `}${place === '' ? '' : `${place}: `}${message}`;
  });
  return new CoordinatorError(
    refusal(
      'invalid-argument',
      'TASK_INVALID',
      `The task's definition is not valid.\n  ${sentences.join('\n  ')}\n`,
      'Mend the definition and apply it again.',
    ),
  );
}

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
