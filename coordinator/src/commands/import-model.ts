/** `starling model import`. */
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { type ImportDefinition, type PreparedImport, parseImport, prepareImport } from '@starling/engine';
import { stringify } from 'yaml';
import { makeNamedFolder } from '../artifacts/index.js';
import { parseTaskFile, taskNameForm } from '../tasks/index.js';
import { exitCodes } from './exit-codes.js';
import { UsageError } from './explain.js';
import { printLayers, printMissing } from './inspect.js';
import { paddingRowsOf } from './padding-rows.js';
import { printJson, printLine, type Terminal } from './terminal.js';

export interface ImportArguments {
  readonly file: string;
  /** The task's name, and that of the files written; the model's unless told. */
  readonly name: string | undefined;
  /** Folder for the files. */
  readonly output: string;
  readonly value: string | undefined;
  readonly trainable: readonly string[] | undefined;
  readonly head: number | undefined;
  readonly loraTargets: readonly string[] | undefined;
  readonly loraRank: number | undefined;
  readonly loraAlpha: number | undefined;
  readonly batchNorm: string | undefined;
  readonly dropout: number | undefined;
  readonly dropoutBefore: readonly string[] | undefined;
  readonly paddingRow: readonly string[] | undefined;
  readonly force: boolean;
  readonly json: boolean;
}

const loraRankUsual = 4;
const loraAlphaUsual = 8;

/** Writes the model and a task that trains it. Gives the exit code: that of a failure where something stands in the way. */
export async function importModelCommand(args: ImportArguments, terminal: Terminal): Promise<number> {
  const file = resolve(args.file);
  const name =
    args.name ??
    (basename(file, extname(file))
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 64) ||
      'model');
  if (!taskNameForm.test(name)) {
    throw new UsageError(
      `${JSON.stringify(name)} is no name of a task.`,
      'Give --name 1 to 64 letters, digits, ".", "_" or "-", a letter or digit first.',
    );
  }
  refuseIdle(args);
  const folder = resolve(args.output);
  const [modelFile, taskFile] = [join(folder, `${name}.onnx`), join(folder, `${name}.yaml`)];
  for (const target of [modelFile, taskFile]) {
    if (target === file || (existsSync(target) && !args.force)) {
      const remedy =
        target === file
          ? 'Choose another --output or --name.'
          : 'Choose another --output or --name, or replace it with --force.';
      throw new UsageError(`${target} is there already.`, remedy);
    }
  }
  const { onnx: _file, output, ...options } = definitionOf(args, file);
  const prepared = prepareImport(file, { ...options, ...(output === undefined ? {} : { output }) });
  const { obstacles } = prepared.inspected;
  const model: ImportDefinition = { onnx: `${name}.onnx`, ...options };
  if (obstacles.length === 0) {
    const text = taskText(name, model, prepared);
    await makeNamedFolder(folder);
    await writeWhole(modelFile, prepared.bytes);
    // What is written is a task that could be applied as it is.
    parseTaskFile(text, folder);
    await writeWhole(taskFile, new TextEncoder().encode(text));
  }
  const imported = obstacles.length === 0;
  if (args.json) {
    const { inspected, trained, trainedCount, localCount, inputShape, outputShape, logits } = prepared;
    const written = imported ? { model: modelFile, task: taskFile } : {};
    printJson(terminal, {
      imported,
      ...written,
      inputShape,
      outputShape,
      trainedCount,
      localCount,
      trained,
      logits,
      ...inspected,
    });
  } else report(prepared, imported ? { modelFile, taskFile } : undefined, terminal);
  return imported ? exitCodes.done : exitCodes.failed;
}

/** Options that would do nothing without another. */
function refuseIdle({ loraTargets, loraRank, loraAlpha, dropout, dropoutBefore }: ImportArguments): void {
  const idle =
    loraTargets === undefined && (loraRank !== undefined || loraAlpha !== undefined)
      ? [`--lora-${loraRank === undefined ? 'alpha' : 'rank'}`, '--lora-targets PATTERN']
      : dropout === undefined && dropoutBefore !== undefined
        ? ['--dropout-before', '--dropout SHARE']
        : undefined;
  if (idle !== undefined) throw new UsageError(`${idle[0]} does nothing by itself.`, `Add ${idle[1]}.`);
}

function definitionOf(args: ImportArguments, file: string): ImportDefinition {
  const { value, trainable, head, loraTargets, loraRank, loraAlpha, batchNorm, dropout, dropoutBefore } =
    args;
  return parseImport({
    onnx: file,
    ...(value === undefined ? {} : { output: value }),
    ...(trainable === undefined ? {} : { trainable }),
    ...(head === undefined ? {} : { head: { outputs: head } }),
    ...(loraTargets === undefined
      ? {}
      : {
          lora: { targets: loraTargets, rank: loraRank ?? loraRankUsual, alpha: loraAlpha ?? loraAlphaUsual },
        }),
    ...(batchNorm === undefined ? {} : { batchNorm }),
    ...(dropout === undefined
      ? {}
      : { dropout: { rate: dropout, ...(dropoutBefore === undefined ? {} : { before: dropoutBefore }) } }),
    ...(args.paddingRow === undefined ? {} : { paddingRows: paddingRowsOf(args.paddingRow) }),
  });
}

/** A reader may come at any time: it finds the file whole or not at all. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
}

/** A task that trains the model as it is, for its owner to adapt. */
function taskText(name: string, model: ImportDefinition, prepared: PreparedImport): string {
  const { inputShape, outputShape, tokens, vocabulary, logits, inspected } = prepared;
  const classes = outputShape.length === 1 ? outputShape[0] : 1;
  const classifies = logits?.loss === 'softmax-cross-entropy' || (logits === undefined && classes > 1);
  const loss = classifies ? 'softmax-cross-entropy' : (logits?.loss ?? 'mean-squared-error');
  const [input] = inspected.inputs;
  const feature = {
    name: input?.name.replaceAll(/[^A-Za-z0-9_-]/g, '_') || 'x',
    dataType: tokens ? 'int32' : 'float32',
    shape: [...inputShape],
    range: tokens ? [0, (vocabulary ?? 1_000_001) - 1] : [-1e6, 1e6],
  };
  const target = classifies
    ? { kind: 'class', name: 'label', classes }
    : {
        kind: 'number',
        name: 'target',
        shape: [...outputShape],
        range: loss === 'binary-cross-entropy' ? [0, 1] : [-1e6, 1e6],
      };
  const body = stringify({
    name,
    model,
    contract: { features: [feature], target },
    training: { loss, optimizer: 'sgd', batchSize: 32, epochs: 1, learningRate: 0.01 },
    cohort: { size: 2 },
    stop: { rounds: 20 },
  });
  return `# Trains ${name}.onnx, ${prepared.trainedCount} parameters. Check the names and ranges of the contract, the loss and the cohort.\n${body}`;
}

function report(
  { inspected, trainedCount, localCount, inputShape, outputShape, logits }: PreparedImport,
  written: { readonly modelFile: string; readonly taskFile: string } | undefined,
  terminal: Terminal,
): void {
  const { layers, parameterCount, operators, missing, obstacles, opset } = inspected;
  printLine(terminal, `Opset ${opset}; one example is [${inputShape}] in and [${outputShape}] out.`);
  printLayers(layers, terminal);
  printLine(
    terminal,
    `${trainedCount} of ${parameterCount} parameters are trained; ${operators.length} kinds of operators.`,
  );
  if (localCount > 0) {
    printLine(
      terminal,
      `${localCount} numbers of batch normalisation are trained by each device for itself.`,
    );
  }
  if (logits !== undefined) {
    printLine(
      terminal,
      `It ended in probabilities; it now ends in ${logits.output}, which ${logits.loss} takes.`,
    );
  }
  printMissing(missing, terminal);
  for (const { message } of obstacles) printLine(terminal, `Obstacle: ${message}`);
  printLine(
    terminal,
    written === undefined
      ? 'Nothing was written: mend the obstacles and import it again.'
      : `Wrote ${written.modelFile} and ${written.taskFile}. Check the task, then: starling task apply ${written.taskFile}`,
  );
}
