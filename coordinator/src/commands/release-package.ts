/** What a release is made of besides its model: the contract of its examples, its drift reference, and where it is from. */
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  featureContractKey,
  featureElements,
  type Model,
  parseFeatureContract,
  readContract,
  readModel,
} from '@starling/engine';
import type { ReleaseSigner } from '@starling/federation';
import { parse, stringify } from 'yaml';
import { formatLineage, type Lineage, type ModelOrigin, readOrigin } from '../releases/index.js';
import { coordinatorVersion } from '../version.js';
import type { Remote } from './connection.js';
import { UsageError } from './explain.js';
import { readReport, reportPathOf } from './quantize-report.js';
import { contentOf, sha256Of } from './release-files.js';
import type { Terminal } from './terminal.js';

export interface PackageArguments {
  /** ONNX file. */
  readonly model: string;
  /** The run that the model is from, where it does not say so itself. */
  readonly run: string | undefined;
  /** The task whose recent examples devices try it on, where it is neither the model's nor called as the release. */
  readonly task: string | undefined;
  /** File of its feature contract, where it is neither in the model nor the task's. */
  readonly contract: string | undefined;
  /** File of its drift reference. */
  readonly drift: string | undefined;
  /** File of the report of its quantization, where it does not lie beside the model. */
  readonly report: string | undefined;
}

export interface ReleasePackage {
  readonly model: Uint8Array;
  /** Whose recent examples devices try it on; null for that of the release's name. */
  readonly task: string | null;
  readonly run: string | null;
  /** By name of the file: `contract.yaml`, `drift.json`, `lineage.json`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const driftRemedy = 'Name what "starling-agent drift reference" printed.';

export async function readPackage(
  args: PackageArguments,
  signers: readonly ReleaseSigner[],
  remote: Remote,
  terminal: Terminal,
): Promise<ReleasePackage> {
  const model = await contentOf(args.model, 'Name an ONNX file.');
  const known = modelIn(model);
  const origin = known && readOrigin(known.metadata);
  checkOrigin(args, origin);
  const task = args.task ?? origin?.task.name ?? null;
  const contract = await contractOf(args, known, origin?.task.name ?? args.task, remote, terminal);
  if (contract !== undefined && known !== undefined) checkFits(contract, known);
  const drift = args.drift === undefined ? undefined : await contentOf(args.drift, driftRemedy);
  const lineage: Lineage = {
    task: task === null ? null : { name: task, version: origin?.task.version ?? null },
    run:
      origin?.run ?? (args.run === undefined ? null : { id: args.run, round: null, checkpointSha256: null }),
    planSha256: origin?.planSha256 ?? null,
    contractSha256: contract === undefined ? null : sha256Of(contract),
    driftSha256: drift === undefined ? null : sha256Of(drift),
    quantization: await quantizationOf(args, sha256Of(model)),
    publishedBy: signers.map(({ publicKey }) => Buffer.from(publicKey).toString('base64url')),
    publishedAtMs: terminal.clock.now(),
    tools: { starling: coordinatorVersion(), node: process.versions.node },
  };
  const files = new Map([['lineage.json', formatLineage(lineage)]]);
  if (contract !== undefined) files.set('contract.yaml', contract);
  if (drift !== undefined) files.set('drift.json', drift);
  return { model, task, run: origin?.run.id ?? args.run ?? null, files };
}

/** Undefined where this is no model that can be read: devices try it, whatever it is. */
function modelIn(bytes: Uint8Array): Model | undefined {
  try {
    return readModel(bytes);
  } catch {
    return undefined;
  }
}

function checkOrigin({ run, model }: PackageArguments, origin: ModelOrigin | undefined): void {
  if (run === undefined || origin === undefined || origin.run.id === run) return;
  throw new UsageError(
    `${model} is of run ${origin.run.id}, not of ${run}.`,
    'Leave --run out: the model says it.',
  );
}

/** YAML as an agent's recordings have it: of the file that is named, of the model, or of its task. */
async function contractOf(
  { contract }: PackageArguments,
  model: Model | undefined,
  task: string | undefined,
  remote: Remote,
  terminal: Terminal,
): Promise<Uint8Array | undefined> {
  if (contract !== undefined) return contractFile(contract);
  const stored = model?.metadata[featureContractKey];
  if (stored !== undefined) return Buffer.from(stringify(parseFeatureContract(stored)));
  if (task === undefined) return undefined;
  const { tasks } = await remote.operations.listTasks({}, { signal: terminal.signal });
  const found = tasks.find(({ name }) => name === task);
  if (found === undefined) return undefined;
  const definition = JSON.parse(found.definitionJson) as { readonly contract: unknown };
  return Buffer.from(stringify(readContract(definition.contract, `task ${task}`)));
}

/** The file as it is, once its features and target are sound: what else it says is for devices. */
async function contractFile(file: string): Promise<Uint8Array> {
  const bytes = await contentOf(file, 'Name a feature contract, or a recording, in YAML or JSON.');
  let value: unknown;
  try {
    value = parse(bytes.toString('utf8'));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${file} is no YAML: ${problem}`, 'Name a feature contract, or a recording.');
  }
  const { features, target } = (value ?? {}) as { readonly features?: unknown; readonly target?: unknown };
  readContract({ features, target }, file);
  return bytes;
}

/** A model that takes other examples than its contract says would be refused by every device. */
function checkFits(contract: Uint8Array, { graph }: Model): void {
  const { features, target } = parse(Buffer.from(contract).toString('utf8'));
  const elements = featureElements(readContract({ features, target }, 'the contract'));
  const [input, ...others] = graph.inputs;
  const sizes = input?.shape?.slice(1) ?? [];
  // Models with several inputs, or with sizes that are open, are for devices to try.
  if (others.length > 0 || !sizes.every((size) => typeof size === 'number')) return;
  const taken = sizes.reduce((product, size) => product * Number(size), 1);
  if (taken === elements) return;
  throw new UsageError(
    `An example of the contract has ${elements} numbers, and the model takes ${taken}.`,
    'Name the contract that the model was made for: --contract FILE.',
  );
}

async function quantizationOf(
  { model, report }: PackageArguments,
  modelSha256: string,
): Promise<Lineage['quantization']> {
  const path = resolve(report ?? reportPathOf(model));
  if (report === undefined && !(await stat(path).catch(() => undefined))?.isFile()) return null;
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be read: ${error.message}.`, 'Name a report of "model quantize".');
  });
  const found = readReport(bytes);
  if (found === undefined || found.modelSha256 !== modelSha256) {
    // Beside a model that was made anew, an old report says nothing of it.
    if (report === undefined) return null;
    throw new UsageError(
      `${path} is no report of this model.`,
      'Name what "starling model quantize" wrote beside it.',
    );
  }
  const { method, sizeRatio, qualityDrop } = found;
  return { method, reportSha256: sha256Of(bytes), sizeRatio, qualityDrop };
}
