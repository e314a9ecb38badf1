/** The list of what papers report: which scenarios measure it, and what is written beside. */
import { readFile } from 'node:fs/promises';
import { fileBytes } from '@starling/engine';
import { parse } from 'yaml';
import * as z from 'zod';
import { SimulationError } from '../errors.js';
import { columnNames } from './columns.js';

/** A figure of the paper's that can be compared with ours: rounds until the test accuracy reaches the scenario's target. */
const publishedRounds = z.strictObject({
  scenario: z.string(),
  source: z.string(),
  published: z.int().min(1),
  /** The small grid of which the best counts, as in the paper. */
  vary: z.array(z.string()).default([]),
});

/** A finding of the paper's: the setting is not the same, so what is compared is its direction. */
const finding = z.strictObject({
  scenario: z.string(),
  title: z.string(),
  source: z.string(),
  /** What the paper found, where it measured it, and so what is to be seen here. */
  reports: z.string(),
  columns: z.array(z.enum(columnNames)).min(1),
  /** Settings that are changed in the scenario, by the name of the variant and their path. */
  variants: z.record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 .,=-]*$/), z.record(z.string(), z.unknown())),
});

export type PublishedRounds = z.output<typeof publishedRounds>;
export type Finding = z.output<typeof finding>;

/** Throws a `SimulationError` `simulation/usage` that says what is wrong with the file. */
export async function readList(path: string): Promise<readonly (PublishedRounds | Finding)[]> {
  const refuse = (what: string, cause?: unknown): SimulationError =>
    new SimulationError(
      'simulation/usage',
      `${path} ${what}`,
      'See simulations/scenarios/reproductions.yaml.',
      { cause },
    );
  let value: unknown;
  try {
    await fileBytes(path);
    value = parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw refuse(`cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  const list = z.array(z.union([publishedRounds, finding])).safeParse(value);
  if (list.success) return list.data;
  throw refuse(`is no list of reproductions: ${z.prettifyError(list.error)}`);
}
