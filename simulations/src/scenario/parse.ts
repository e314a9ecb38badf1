import { resolve } from 'node:path';
import {
  type LineOf,
  type Problem,
  problemOf,
  readYaml,
  sentencesOf,
} from '@starling/coordinator/definitions';
import { SimulationError } from '../errors.js';
import { findContradictions } from './contradictions.js';
import { type Scenario, scenarioSchema } from './schema.js';

/**
 * Reads a scenario from YAML or JSON; paths in it are taken from `folder`. Throws a `SimulationError`
 * `simulation/scenario` that lists every fault with its line and place.
 */
export function parseScenario(text: string, folder: string): LocatedScenario {
  const { value, lineOf } = readYaml(text, invalidScenario);
  return { scenario: parse(withAbsolutePaths(value, folder), lineOf), lineOf };
}

/** A scenario, and where its parts stand in the file it was read from. */
export interface LocatedScenario {
  readonly scenario: Scenario;
  readonly lineOf: LineOf;
}

/** Reads a scenario that is data already, such as one that a program made. */
export function readScenario(value: unknown, folder: string): Scenario {
  return parse(withAbsolutePaths(value, folder), () => undefined);
}

function parse(value: unknown, lineOf: LineOf): Scenario {
  const result = scenarioSchema.safeParse(value, { reportInput: true });
  if (!result.success) throw invalidScenario(result.error.issues.flatMap(problemOf), lineOf);
  const problems = findContradictions(result.data);
  if (problems.length > 0) throw invalidScenario(problems, lineOf);
  return result.data;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function withAbsolutePaths(value: unknown, folder: string): unknown {
  if (!isObject(value)) return value;
  return {
    ...value,
    ...resolved(value, 'model', ['onnx'], folder),
    ...resolved(value, 'data', ['train', 'test'], folder),
    ...resolved(value, 'attack', ['module'], folder),
  };
}

function resolved(
  value: Readonly<Record<string, unknown>>,
  key: string,
  paths: readonly string[],
  folder: string,
): Readonly<Record<string, unknown>> {
  const part = value[key];
  if (!isObject(part)) return {};
  const absolute = paths.flatMap((name) => {
    const path = part[name];
    return typeof path === 'string' && !path.startsWith('file:')
      ? [[name, resolve(folder, path)] as const]
      : [];
  });
  return { [key]: { ...part, ...Object.fromEntries(absolute) } };
}

function invalidScenario(problems: readonly Problem[], lineOf: LineOf, cause?: unknown): SimulationError {
  return new SimulationError(
    'simulation/scenario',
    `The scenario is not valid.\n  ${sentencesOf(problems, lineOf).join('\n  ')}`,
    'Mend these lines and run it again; "starling-sim schema" prints what a scenario may hold.',
    cause === undefined ? undefined : { cause },
  );
}

/** A fault that only the data shows, told as those of the text are. */
export function scenarioFault(
  problem: Problem,
  lineOf: LineOf = () => undefined,
  cause?: unknown,
): SimulationError {
  return invalidScenario([problem], lineOf, cause);
}
