import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeNamedFolder } from '../adapters/index.js';
import { writeMlflow } from '../export/mlflow.js';
import { parquetOf } from '../export/parquet.js';
import { tensorboardEvents } from '../export/tensorboard.js';
import { collectRun } from '../report/index.js';
import { printLine, type Terminal } from './terminal.js';

export const exportFormats = ['parquet', 'tensorboard', 'mlflow'] as const;

export interface ExportArguments {
  readonly run: string;
  readonly format: (typeof exportFormats)[number];
  readonly output: string | undefined;
  readonly json: boolean;
}

/** Writes a run's records in the format of another tool, into the run's folder unless told otherwise. */
export async function exportCommand({ run, format, output, json }: ExportArguments, terminal: Terminal) {
  const collected = await collectRun(resolve(run));
  const folder = resolve(output ?? run);
  await makeNamedFolder(folder, '--output');
  const nowMs = terminal.clock.now();
  const write = async (name: string, bytes: Uint8Array): Promise<string> => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  const written =
    format === 'parquet'
      ? await write('metrics.parquet', parquetOf(collected.records))
      : format === 'tensorboard'
        ? await write(
            `events.out.tfevents.${Math.floor(nowMs / 1000)}.starling`,
            tensorboardEvents(collected.records, nowMs / 1000),
          )
        : await writeMlflow(collected, join(folder, 'mlruns'), nowMs);
  printLine(terminal, json ? JSON.stringify({ format, written }) : written);
}
