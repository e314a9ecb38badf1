/** `starling model quantize`. */
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  type FeatureContract,
  featureContractKey,
  featureElements,
  hasTrainedRanges,
  type Model,
  openExamplesFolder,
  parseFeatureContract,
  type QuantizeMethod,
  type QuantizeReport,
  quantizeModel,
  type RangeMethod,
  type RangeSketch,
  readContract,
  readModelFile,
  reportOn,
  soleInput,
  targetElements,
} from '@starling/engine';
import { parse } from 'yaml';
import { calibrateFleet } from './calibrate-fleet.js';
import { type ClientArguments, withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import { exportModelTo } from './export-model.js';
import { checkOutput } from './output-file.js';
import { formatReport, reportPathOf } from './quantize-report.js';
import { describeQuantized } from './quantize-table.js';
import { sha256Of } from './release-files.js';
import { createStageView } from './stage-view.js';
import { printJson, printLine, type Terminal } from './terminal.js';

export interface QuantizeArguments extends ClientArguments {
  /** An ONNX file, or a run whose checkpoint is taken. */
  readonly model: string;
  readonly round: number | undefined;
  readonly examples: string | undefined;
  readonly contract: string | undefined;
  readonly method: QuantizeMethod;
  /** Those that the model was trained with, where it was, or the extremes seen, unless told. */
  readonly ranges: RangeMethod | undefined;
  readonly percentile: number;
  /** In points: 0.5 is half a percent of accuracy. */
  readonly accuracyDrop: number;
  readonly sparsity: number | undefined;
  readonly weightBits: 7 | 8;
  readonly threads: number;
  /** Ranges from the devices' examples instead of those here; for a run. */
  readonly federated: boolean;
  readonly valuesMax: number;
  readonly epsilon: number | undefined;
  readonly key: string | undefined;
  readonly output: string;
  readonly force: boolean;
}

export async function quantizeCommand(args: QuantizeArguments, terminal: Terminal): Promise<void> {
  const output = resolve(args.output);
  await checkOutput(output, args.force);
  const model = await readSource(args, terminal);
  const examples = await openExamples(args, model);
  const sketches = args.federated ? await askFleet(args, model, terminal) : undefined;
  const { report, bytes } = await quantized(args, model, examples, terminal, sketches);
  await writeFile(output, bytes);
  const reportPath = reportPathOf(output);
  await writeFile(reportPath, formatReport(sha256Of(bytes), report));
  if (args.json) printJson(terminal, { path: output, reportPath, ...report });
  else printLine(terminal, describeQuantized(output, report));
}

async function askFleet(
  args: QuantizeArguments,
  model: Model,
  terminal: Terminal,
): Promise<ReadonlyMap<string, RangeSketch>> {
  const { model: runId, valuesMax: examplesMax, epsilon, key } = args;
  return withCoordinator(args, terminal, (remote) =>
    calibrateFleet(remote, { runId, examplesMax, epsilon, key }, model, terminal),
  );
}

/** A file where there is one of that name; otherwise the run's checkpoint. */
async function readSource(args: QuantizeArguments, terminal: Terminal): Promise<Model> {
  const file = resolve(args.model);
  if (args.federated && args.round !== undefined) {
    throw new UsageError('--federated is about the newest checkpoint.', 'Leave --round out.');
  }
  const isFile = (await stat(file).catch(() => undefined))?.isFile() === true;
  if (isFile && args.federated) {
    throw new UsageError(`${file} is a file, and devices calibrate the checkpoint of a run.`, 'Name a run.');
  }
  if (isFile) return readModelFile(file);
  if (/[/\\]|\.onnx$/.test(args.model)) {
    throw new UsageError(`There is no model at ${file}.`, 'Name an ONNX file, or a run of the coordinator.');
  }
  const folder = await mkdtemp(join(tmpdir(), 'starling-'));
  try {
    const target = { path: join(folder, 'model.onnx'), overwrite: true };
    await withCoordinator(args, terminal, (remote) =>
      exportModelTo(remote, { runId: args.model, round: args.round ?? 0 }, target, terminal),
    );
    return readModelFile(target.path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Opened = Pick<Parameters<typeof quantizeModel>[1], 'examples' | 'target'>;

async function openExamples(args: QuantizeArguments, model: Model): Promise<Opened> {
  if (args.examples === undefined) {
    throw new UsageError(
      'There is nothing to compare the forms of the model on.',
      'Name a folder with examples that the model was not trained on: --examples FOLDER.',
    );
  }
  const contract = await contractOf(args, model);
  const { target } = contract;
  const [given, taken] = [featureElements(contract), soleInput(model).rowElements];
  if (given !== taken) {
    throw new UsageError(
      `The model takes ${taken} numbers for an example, and the contract has features of ${given}.`,
      'Name the contract of this model.',
    );
  }
  return {
    examples: await openExamplesFolder(resolve(args.examples), contract),
    target: { kind: target.kind, elements: targetElements(contract) },
  };
}

/** From the file that was named, or from the model, which `model export` tells its contract. */
async function contractOf({ contract }: QuantizeArguments, { metadata }: Model): Promise<FeatureContract> {
  if (contract !== undefined) return readContractFile(resolve(contract));
  const stored = metadata[featureContractKey];
  if (stored !== undefined) return parseFeatureContract(stored);
  throw new UsageError(
    'The model does not say what its examples look like.',
    'Name a file that does: --contract TASK.yaml, or a file with "features" and "target" alone.',
  );
}

async function readContractFile(path: string): Promise<FeatureContract> {
  let value: unknown;
  try {
    value = parse(await readFile(path, 'utf8'));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `${path} cannot be read: ${problem}`,
      'Name a task, or a feature contract, in YAML or JSON.',
    );
  }
  const contract =
    typeof value === 'object' && value !== null && 'contract' in value ? value.contract : value;
  return readContract(contract, path);
}

async function quantized(
  args: QuantizeArguments,
  model: Model,
  opened: Opened,
  terminal: Terminal,
  sketches?: ReadonlyMap<string, RangeSketch>,
): Promise<{ readonly report: QuantizeReport; readonly bytes: Uint8Array }> {
  const { method, threads, weightBits, sparsity } = args;
  const { signal, clock } = terminal;
  const qualityDropMax = opened.target.kind === 'class' ? args.accuracyDrop / 100 : args.accuracyDrop;
  const view = createStageView(terminal, args.json);
  try {
    const form = await quantizeModel(model, {
      ...opened,
      method,
      ranges:
        args.ranges === undefined && sketches === undefined && hasTrainedRanges(model)
          ? 'trained'
          : { method: args.ranges ?? 'minmax', percentile: args.percentile },
      weightBits,
      sparsity,
      qualityDropMax,
      sketches,
      signal,
      onProgress: view.show,
    });
    view.show('measure', 0, 1);
    const now = () => clock.monotonic();
    const report = await reportOn(form, { original: model, method, qualityDropMax, threads, now, signal });
    view.show('measure', 1, 1);
    return { report, bytes: form.bytes };
  } finally {
    view.close();
  }
}
