/** `starling task apply|list|show`. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { requireField } from '@starling/proto';
import { stringify } from 'yaml';
import { modelOf, parseTaskFile, privacyAdvice } from '../tasks/index.js';
import { applySigned } from './apply-signed.js';
import { type ClientArguments, withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import { formatBytes, formatTable, formatTime, taskJson } from './format.js';
import { ownerKey } from './owner-key.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

export interface ApplyArguments extends ClientArguments {
  /** File with the owner's key. */
  readonly key: string | undefined;
}

export async function applyTask(file: string, args: ApplyArguments, terminal: Terminal) {
  const path = resolve(file);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be read: ${error.message}.`, 'Name a YAML or JSON file.');
  });
  // Checked here as well as there, because only here do faults have lines.
  const definition = parseTaskFile(text, dirname(path));
  const { parameterCount } = modelOf(definition);
  for (const { message } of privacyAdvice(definition, parameterCount))
    remark(terminal, `Warning: ${message}`);
  const key = await ownerKey(args.key, terminal);
  await withCoordinator(args, terminal, async ({ operations }) => {
    const {
      task: applied,
      changed,
      memoryBytes,
    } = await applySigned(operations, definition, key, terminal.signal);
    if (args.json) return printJson(terminal, { changed, memoryBytes, task: taskJson(applied) });
    const { name, version } = applied;
    printLine(
      terminal,
      changed
        ? `Task ${name} is now at version ${version}: ${parameterCount} parameters; training takes about ${formatBytes(memoryBytes)} on a device. "starling run start ${name}" trains it.`
        : `Task ${name} is unchanged, at version ${version}.`,
    );
  });
}

export async function listTasks(args: ClientArguments, terminal: Terminal) {
  await withCoordinator(args, terminal, async ({ operations }) => {
    const { tasks } = await operations.listTasks({}, { signal: terminal.signal });
    if (args.json) return printJson(terminal, { tasks: tasks.map(taskJson) });
    if (tasks.length === 0)
      return printLine(terminal, 'There are no tasks. "starling task apply FILE" makes one.');
    const rows = tasks.map(({ name, version, parameterCount, updatedAtMs }) => [
      name,
      `${version}`,
      `${parameterCount}`,
      formatTime(updatedAtMs),
    ]);
    printLine(terminal, formatTable(['TASK', 'VERSION', 'PARAMETERS', 'CHANGED (UTC)'], rows));
  });
}

export async function showTask(name: string, args: ClientArguments, terminal: Terminal) {
  await withCoordinator(args, terminal, async ({ operations }) => {
    const { task } = await operations.getTask({ name }, { signal: terminal.signal });
    const found = requireField(task, 'GetTaskResponse.task');
    if (args.json) return printJson(terminal, taskJson(found));
    printLine(terminal, `# version ${found.version}, ${found.parameterCount} parameters`);
    printLine(terminal, stringify(JSON.parse(found.definitionJson)).trimEnd());
  });
}
