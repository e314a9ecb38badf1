import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileBytes, NotAFileError } from '@starling/engine';
import { SimulationError } from '../errors.js';
import type { RedisSettings } from '../queue/index.js';
import { readRecords, readRunInfo, resumeRunFolder } from '../run-folder/index.js';
import { type LocatedScenario, parseScenario } from '../scenario/index.js';
import { type RunOptions, runScenario, type SimulationResult } from '../simulation/simulate.js';
import { runProgress } from './progress.js';
import { printLine, remark, type Terminal } from './terminal.js';

export interface RunArguments {
  readonly scenario: string | undefined;
  readonly output: string | undefined;
  readonly resume: string | undefined;
  readonly workers: number | undefined;
  readonly queue: RedisSettings | undefined;
  readonly mode?: 'fast' | 'protocol' | undefined;
  readonly json: boolean;
}

/** Reads a scenario's file. Throws a `SimulationError` that names the file, or the line. */
export async function readScenarioFile(path: string): Promise<LocatedScenario> {
  return parseScenario(await readScenarioText(path), dirname(resolve(path)));
}

/** Reads a scenario's file as text. Throws a `SimulationError` that names the file. */
export async function readScenarioText(path: string): Promise<string> {
  const refuse = (reason: string, cause?: unknown): SimulationError =>
    new SimulationError(
      'simulation/usage',
      `The scenario ${path} ${reason}.`,
      'Check the path; simulations/scenarios holds examples.',
      { cause },
    );
  let bytes: Buffer;
  try {
    await fileBytes(path);
    bytes = await readFile(path);
  } catch (error) {
    throw refuse(error instanceof NotAFileError ? `is ${error.what}, not a file` : 'cannot be read', error);
  }
  if (!isUtf8(bytes)) throw refuse('is not text in UTF-8');
  return bytes.toString('utf8');
}

export async function runCommand(args: RunArguments, terminal: Terminal): Promise<void> {
  const { workers, resume, mode } = args;
  const common = {
    signal: terminal.signal,
    clock: terminal.clock,
    ...(workers && { workers }),
    ...(args.queue && { queue: { ...args.queue, onIdle: oncePerRun(terminal) } }),
    ...(mode && { mode }),
  };
  if (resume !== undefined) return resumeCommand(resume, args, common, terminal);
  if (args.scenario === undefined) {
    throw new SimulationError(
      'simulation/usage',
      'Say which scenario to run.',
      'starling-sim run scenario.yaml',
    );
  }
  const { scenario, lineOf } = await readScenarioFile(args.scenario);
  const output = resolve(args.output ?? `runs/${scenario.name}-${scenario.seed}`);
  const progress = runProgress(terminal, args, scenario.stop.rounds, scenario.name);
  try {
    const onRound = progress.show;
    const result = await runScenario(scenario, { ...common, lineOf, output, onRound });
    progress.close();
    finish(result, output, args, terminal);
  } catch (error) {
    progress.close();
    throw error;
  }
}

/** Says that nobody works, once: workers may come later. */
export function oncePerRun(terminal: Terminal): () => void {
  let told = false;
  return () => {
    if (!told) remark(terminal, 'Nobody works for this run yet. Start: starling-sim worker --redis URL');
    told = true;
  };
}

async function resumeCommand(
  path: string,
  args: RunArguments,
  common: RunOptions,
  terminal: Terminal,
): Promise<void> {
  const output = resolve(path);
  const info = await readRunInfo(output);
  if (info.state === 'ended') {
    remark(terminal, `${output} has ended after ${info.rounds} rounds; there is nothing to resume.`);
    if (args.json) printLine(terminal, JSON.stringify(info));
    return;
  }
  const { scenario, ...resumed } = await resumeRunFolder(output);
  const progress = runProgress(terminal, args, scenario.stop.rounds, scenario.name);
  try {
    const result = await runScenario(scenario, { ...common, resumed, onRound: progress.show });
    progress.close();
    finish({ ...result, records: await readRecords(output) }, output, args, terminal);
  } catch (error) {
    progress.close();
    throw error;
  }
}

function finish(result: SimulationResult, output: string, { json }: RunArguments, terminal: Terminal): void {
  const { records, checkpoint } = result;
  const last = records.at(-1);
  const summary = { rounds: last?.round ?? 0, checkpoint, output };
  if (json) {
    printLine(terminal, JSON.stringify(summary));
    return;
  }
  if (terminal.signal.aborted) {
    remark(
      terminal,
      `Stopped after round ${summary.rounds}. Go on with: starling-sim run --resume ${output}`,
    );
    return;
  }
  if (records.every(({ updates }) => updates === 0)) {
    remark(
      terminal,
      'No update was counted in any round: nothing was learned. Are devices.deadlineSeconds too short, or the losses too many?',
    );
  }
  const measured = records.findLast(({ test }) => test !== undefined)?.test ?? last?.training ?? {};
  const metrics = Object.entries(measured).map(([name, value]) => `${name} ${value.toFixed(4)}`);
  printLine(terminal, `${summary.rounds} rounds, ${metrics.join(', ')}`);
  printLine(terminal, `checkpoint ${checkpoint.slice(0, 16)}…, everything in ${output}`);
}
