import { dirname, join, resolve } from 'node:path';
import type { LineOf } from '@starling/coordinator/definitions';
import { lossGraph, randomStream } from '@starling/engine';
import { parse } from 'yaml';
import { SimulationError } from '../errors.js';
import { shuffledIndices } from '../partitions/draw.js';
import type { RedisSettings } from '../queue/index.js';
import { collectRun, finalMetric, roundsTo } from '../report/index.js';
import { readRunInfo, resumeRunFolder } from '../run-folder/index.js';
import { readScenario, type Scenario } from '../scenario/index.js';
import { prepareRun, runScenario } from '../simulation/simulate.js';
import { compareCommand } from './report.js';
import { oncePerRun, readScenarioFile, readScenarioText } from './run.js';
import { printLine, remark, type Terminal } from './terminal.js';

export interface SweepArguments {
  readonly scenario: string;
  /** `training.learningRate=0.03,0.1,0.3`, one for each thing that varies. */
  readonly vary: readonly string[];
  /** Runs so many of the grid's points, drawn at random; all of them where it is left out. */
  readonly random: number | undefined;
  /** Successive halving: after each rung, one of so many goes on. */
  readonly halving: number | undefined;
  readonly metric: string;
  readonly output: string | undefined;
  readonly workers: number | undefined;
  /** Hands the work out instead of using threads. */
  readonly queue: RedisSettings | undefined;
  readonly json: boolean;
}

export interface Candidate {
  readonly name: string;
  readonly scenario: Scenario;
  readonly folder: string;
  /** Where its parts stand in the file; what varies stands in none. */
  readonly lineOf: LineOf;
}

/** Runs a scenario for every combination of values, resuming what has been run, and ranks them. */
export async function sweepCommand(args: SweepArguments, terminal: Terminal): Promise<void> {
  const candidates = await candidatesOf(args);
  for (const { scenario } of candidates) checkMetric(args.metric, scenario);
  await checkCandidates(candidates, args, terminal);
  const total = Math.max(...candidates.map((candidate) => candidate.scenario.stop.rounds));
  const diverged = new Set<Candidate>();
  let active: readonly Candidate[] = candidates;
  for (const rung of rungsOf(total, candidates.length, args.halving)) {
    for (const [index, candidate] of active.entries()) {
      if (terminal.signal.aborted) return;
      remark(
        terminal,
        `${index + 1}/${active.length}  ${candidate.name}  to round ${Math.min(rung, candidate.scenario.stop.rounds)}`,
      );
      if (!(await learns(candidate, rung, args, terminal))) diverged.add(candidate);
    }
    active = await ranked(
      active.filter((candidate) => !diverged.has(candidate)),
      args.metric,
    );
    if (active.length === 0) {
      throw new SimulationError(
        'simulation/diverged',
        'The training of every candidate diverged.',
        'Vary training.learningRate over smaller values.',
      );
    }
    if (rung < total) active = active.slice(0, Math.max(1, Math.ceil(active.length / (args.halving ?? 1))));
  }
  const [best] = await ranked(active, args.metric);
  await compareCommand(
    { runs: candidates.map(({ folder }) => folder), output: undefined, json: args.json },
    terminal,
  );
  printLine(
    terminal,
    args.json ? JSON.stringify({ best: best.name, folder: best.folder }) : `best: ${best.folder}`,
  );
}

/**
 * Runs a candidate until `round`, and tells whether its numbers stayed finite: a grid of learning rates is expected to hold
 * some that are too large, which end nothing but themselves.
 */
export async function learns(
  candidate: Candidate,
  round: number,
  how: Pick<SweepArguments, 'workers' | 'queue'>,
  terminal: Terminal,
): Promise<boolean> {
  try {
    await runTo(candidate, round, how, terminal);
    return true;
  } catch (error) {
    if (!(error instanceof SimulationError) || error.code !== 'simulation/diverged') throw error;
    remark(terminal, `${candidate.name}  diverged: ${error.message}`);
    return false;
  }
}

function checkMetric(metric: string, { training: { loss } }: Scenario): void {
  const { metricNames } = lossGraph(loss);
  if (metricNames.includes(metric)) return;
  throw new SimulationError(
    'simulation/usage',
    `${loss.kind} measures no ${metric}, by which candidates would be ranked.`,
    `Say which by --metric: ${metricNames.join(', ')}.`,
  );
}

/** The last candidate must not be refused after the first has run for an hour. */
async function checkCandidates(
  candidates: readonly Candidate[],
  { workers, queue }: Pick<SweepArguments, 'workers' | 'queue'>,
  terminal: Terminal,
): Promise<void> {
  for (const { name, scenario, folder, lineOf } of candidates) {
    if (terminal.signal.aborted) return;
    if ((await readRunInfo(folder).catch(() => undefined)) !== undefined) continue;
    try {
      await prepareRun(scenario, { lineOf, ...(workers && { workers }), ...(queue && { queue }) });
    } catch (error) {
      remark(terminal, `${name} cannot be run, so nothing was started.`);
      throw error;
    }
  }
}

/** A scenario for each point of the grid, and the folder its run belongs in. */
export async function candidatesOf(
  args: Pick<SweepArguments, 'scenario' | 'vary' | 'random' | 'output'>,
): Promise<readonly Candidate[]> {
  const { scenario, lineOf } = await readScenarioFile(args.scenario);
  const output = resolve(args.output ?? `runs/${scenario.name}-sweep`);
  const points = chosenPoints(gridOf(args.vary), args.random, scenario.seed);
  const variants = points.map((point) => ({ name: nameOf(point), point }));
  return variantsOf(args.scenario, variants, output, lineOf);
}

/** The scenario of a file with some settings changed, once for each variant. */
export async function variantsOf(
  file: string,
  variants: readonly { readonly name: string; readonly point: Point }[],
  output: string,
  lineOf: LineOf = () => undefined,
): Promise<readonly Candidate[]> {
  const source: unknown = parse(await readScenarioText(file));
  return variants.map(({ name, point }): Candidate => {
    const changed = point.reduce(
      (value, [path, setting]) => withValue(value, path.split('.'), setting),
      source,
    );
    return {
      name,
      scenario: readScenario(changed, dirname(resolve(file))),
      folder: join(output, name),
      lineOf: (path) =>
        point.some(([varied]) => `${path.join('.')}.`.startsWith(`${varied}.`)) ? undefined : lineOf(path),
    };
  });
}

/** `learningRate=0.1,strategy=scaffold`: what a folder can be called. */
function nameOf(point: Point): string {
  const parts = point.map(([path, value]) => {
    const text = typeof value === 'object' ? JSON.stringify(value).replaceAll(/["{}[\]]/g, '') : value;
    return `${path.split('.').at(-1)}=${text}`;
  });
  return parts.join(',').replaceAll(/[^A-Za-z0-9=,.:_-]/g, '_') || 'base';
}

/** Settings by their paths. */
export type Point = readonly (readonly [path: string, value: unknown])[];

function gridOf(vary: readonly string[]): readonly Point[] {
  return vary.reduce<readonly Point[]>(
    (points, text) => {
      const [, path, values] = /^([A-Za-z.]+)=(.+)$/.exec(text) ?? [];
      if (path === undefined) {
        throw new SimulationError(
          'simulation/usage',
          `--vary ${text} is not a path and its values.`,
          'For instance --vary training.learningRate=0.03,0.1,0.3',
        );
      }
      const settings = valuesOf(text, values);
      return points.flatMap((point) => settings.map((value): Point => [...point, [path, value]]));
    },
    [[]],
  );
}

/** `0.1, {kind: fedavgm, momentum: 0.9}` as YAML reads a list. */
function valuesOf(text: string, values: string): readonly unknown[] {
  try {
    const read: unknown = parse(`[${values}]`);
    if (Array.isArray(read) && read.length > 0) return read;
  } catch {
    // Told below.
  }
  throw new SimulationError(
    'simulation/usage',
    `--vary ${text}: the values are no list.`,
    'Separate them by commas, and write objects as {kind: fedavgm, momentum: 0.9}.',
  );
}

function chosenPoints(points: readonly Point[], count: number | undefined, seed: number): readonly Point[] {
  if (count === undefined || count >= points.length) return points;
  return [...shuffledIndices(points.length, randomStream(seed, 0)).subarray(0, count)].map(
    (index) => points[index],
  );
}

function withValue(value: unknown, [key, ...rest]: readonly string[], setting: unknown): unknown {
  const object = typeof value === 'object' && value !== null ? value : {};
  const inner: unknown = Object.entries(object).find(([name]) => name === key)?.[1];
  return { ...object, [key]: rest.length === 0 ? setting : withValue(inner, rest, setting) };
}

/** Rounds at which candidates are compared (Jamieson and Talwalkar 2016): the last rung is the whole run. */
function rungsOf(total: number, candidates: number, eta: number | undefined): readonly number[] {
  if (eta === undefined) return [total];
  const halvings = Math.floor(Math.log(candidates) / Math.log(eta));
  return Array.from({ length: halvings + 1 }, (_, rung) =>
    Math.max(1, Math.round(total / eta ** (halvings - rung))),
  );
}

/** Runs a candidate until `round` committed rounds, going on where it stopped before. */
async function runTo(
  { scenario, folder }: Candidate,
  round: number,
  { workers, queue }: Pick<SweepArguments, 'workers' | 'queue'>,
  terminal: Terminal,
): Promise<void> {
  const enough = new AbortController();
  const signal = AbortSignal.any([terminal.signal, enough.signal]);
  const info = await readRunInfo(folder).catch(() => undefined);
  if (info?.state === 'ended' || (info?.rounds ?? 0) >= round) return;
  const begun = info === undefined ? undefined : await resumeRunFolder(folder);
  await runScenario(scenario, {
    signal,
    clock: terminal.clock,
    ...(workers && { workers }),
    ...(queue && { queue: { ...queue, onIdle: oncePerRun(terminal) } }),
    ...(begun === undefined ? { output: folder } : { resumed: begun }),
    beforeWriting: (next) => {
      if (next >= round) enough.abort();
    },
  });
}

async function ranked(candidates: readonly Candidate[], metric: string): Promise<readonly Candidate[]> {
  const scored = await Promise.all(
    candidates.map(async (candidate) => {
      const run = await collectRun(candidate.folder);
      const { target } = candidate.scenario.stop;
      const value = finalMetric(run, metric) ?? Number.NaN;
      return {
        candidate,
        score: metric === 'accuracy' ? value : -value,
        rounds: (target && roundsTo(run, target.metric, target.value)) ?? Number.POSITIVE_INFINITY,
      };
    }),
  );
  return scored
    .sort((a, b) => (a.rounds === b.rounds ? b.score - a.score : a.rounds - b.rounds))
    .map(({ candidate }) => candidate);
}
