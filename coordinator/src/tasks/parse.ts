import { isAbsolute, resolve } from 'node:path';
import { ModelError, OnnxError, QuantizeError } from '@starling/engine';
import { CoordinatorError, refusal } from '../errors.js';
import { findContradictions, modelOf } from './consistency.js';
import type { TaskDefinition } from './definition.js';
import { type LineOf, type Problem, problemOf, readYaml, sentencesOf } from './places.js';
import { withWeighting } from './privacy-schema.js';
import { taskSchema } from './schema.js';

/**
 * Reads a task from YAML or JSON (which is YAML). Paths in it are taken from `folder`, an absolute path.
 * Throws a `CoordinatorError` TASK_INVALID that lists every fault with its path and line.
 */
export function parseTaskFile(text: string, folder: string): TaskDefinition {
  const { value, lineOf } = readYaml(text, invalidTask);
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

/** Reads a task's JSON, as it travels. Throws a `CoordinatorError` TASK_INVALID. */
export function parseTask(json: string): TaskDefinition {
  const task = parse(parseJson(json), () => undefined);
  if (task.evaluation.central !== null && !isAbsolute(task.evaluation.central.examples)) {
    const message = 'must be an absolute path';
    throw invalidTask([{ path: ['evaluation', 'central', 'examples'], message }], () => undefined);
  }
  return task;
}

/**
 * Reads a task that was applied. Its parts fitted each other then, and its plan is stored: its model is not read again, whose file
 * may lie elsewhere by now. Throws a `CoordinatorError` TASK_INVALID.
 */
export function parseStoredTask(json: string): TaskDefinition {
  return parseParts(parseJson(json), () => undefined);
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    const message = `not JSON: ${error instanceof Error ? error.message : String(error)}`;
    throw invalidTask([{ path: [], message }], () => undefined);
  }
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
  const task = parseParts(value, lineOf);
  const problems = contradictions(task);
  if (problems.length > 0) throw invalidTask(problems, lineOf);
  return task;
}

function parseParts(value: unknown, lineOf: LineOf): TaskDefinition {
  const result = taskSchema.safeParse(withWeighting(value), { reportInput: true });
  if (!result.success) throw invalidTask(result.error.issues.flatMap(problemOf), lineOf);
  return result.data;
}

function contradictions(task: TaskDefinition): Problem[] {
  try {
    return findContradictions(task, modelOf(task));
  } catch (error) {
    if (error instanceof QuantizeError) return [{ path: ['quantization'], message: error.message }];
    if (error instanceof OnnxError) return [{ path: ['model', 'onnx'], message: error.message }];
    if (!(error instanceof ModelError)) throw error;
    const path = error.layerIndex === undefined ? ['model'] : ['model', 'layers', error.layerIndex];
    return [{ path, message: error.message }];
  }
}

function invalidTask(problems: readonly Problem[], lineOf: LineOf): CoordinatorError {
  return new CoordinatorError(
    refusal(
      'invalid-argument',
      'TASK_INVALID',
      `The task's definition is not valid.\n  ${sentencesOf(problems, lineOf).join('\n  ')}\n`,
      'Mend the definition and apply it again.',
    ),
  );
}
