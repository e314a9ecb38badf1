/** `starling-agent examples stats|quarantine|export`: what a device has recorded, read beside the agent that records. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { elementCount } from '@starling/engine/examples';
import { AgentError } from '../errors.js';
import { unpackFeatures } from '../examples/packing.js';
import { readRecordingFile } from '../examples/recording-file.js';
import { type ExampleStore, openExampleStore } from '../examples/store.js';
import { agentMigrations } from '../migrations.js';
import { openAgentDatabase } from '../state/database.js';
import { exitCodes } from './exit-codes.js';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

export async function exampleStatistics(stateFolder: string, task: string, json: boolean): Promise<number> {
  return withStore(stateFolder, (store) => {
    const { quarantined, oldestMs, newestMs, ...counts } = store.statistics(task);
    if (json) print(JSON.stringify({ ...counts, oldestMs, newestMs, quarantined }));
    else {
      print(
        `${task}: ${counts.examples} examples (${counts.labelled} labelled), ${counts.bytes} bytes, ${counts.expired} expired, ${counts.labelsWaiting} labels kept`,
      );
      for (const [reason, count] of Object.entries(quarantined)) print(`  quarantined ${count}: ${reason}`);
    }
    return exitCodes.done;
  });
}

/** The newest rows that were refused. They are shown to whoever may read the state directory, and to nobody else. */
export async function quarantinedRows(
  stateFolder: string,
  task: string,
  most: number,
  json: boolean,
): Promise<number> {
  return withStore(stateFolder, (store) => {
    for (const row of store.quarantined(task, most)) {
      if (json) print(JSON.stringify(row));
      else print(`${new Date(row.atMs).toISOString()} ${row.source} ${row.reason} ${row.row}`);
    }
    return exitCodes.done;
  });
}

/** CSV as `examples check` and a folder of examples take it: labelled examples, oldest first. */
export async function exportExamples(
  stateFolder: string,
  task: string,
  contractPath: string,
): Promise<number> {
  const recording = await readRecordingFile(task, contractPath);
  const { contract } = recording;
  const { target } = contract;
  const columns = [
    ...contract.features.flatMap(({ name, shape }) => columnsOf(name, shape)),
    ...columnsOf(target.name, target.kind === 'class' ? [] : target.shape),
  ];
  return withStore(stateFolder, async (store) => {
    print(columns.join(','));
    for (const { features, label } of store.examples(task, 'labelled')) {
      const numbers = unpackFeatures(contract, features).flatMap((values) => [...values]);
      print([...numbers, ...(label ?? [])].join(','));
    }
    return exitCodes.done;
  });
}

function columnsOf(name: string, shape: readonly number[]): readonly string[] {
  if (shape.length === 0) return [name];
  return Array.from({ length: elementCount(shape) }, (_, element) => `${name}.${element}`);
}

async function withStore(
  stateFolder: string,
  use: (store: ExampleStore) => number | Promise<number>,
): Promise<number> {
  if (!existsSync(join(stateFolder, 'agent.db'))) {
    throw new AgentError(
      'agent/state-folder',
      `${stateFolder} has no recorded examples; give the state directory of an agent that records.`,
    );
  }
  const database = openAgentDatabase(stateFolder, agentMigrations);
  try {
    return await use(openExampleStore(database));
  } finally {
    database.close();
  }
}
