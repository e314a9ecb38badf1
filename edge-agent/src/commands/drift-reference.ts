/** `starling-agent drift reference`: what belongs beside a model as `drift.json`. */
import { readFile } from 'node:fs/promises';
import { openExamplesFolder, readContract } from '@starling/engine/examples';
import { parse } from 'yaml';
import { systemClock } from '../adapters/system-clock.js';
import { makeDriftReference } from '../drift/index.js';
import { createInferenceService } from '../inference/index.js';
import { exitCodes } from './exit-codes.js';

export async function driftReference(folder: string, contractPath: string, model: string): Promise<number> {
  const contract = readContract(parse(await readFile(contractPath, 'utf8')), contractPath);
  const examples = await openExamplesFolder(folder, contract);
  const service = createInferenceService(systemClock());
  try {
    await service.load('model', '1', await readFile(model));
    service.activate('model', '1');
    const reference = await makeDriftReference(contract, examples, { service, name: 'model' });
    process.stdout.write(`${JSON.stringify(reference)}\n`);
    return exitCodes.done;
  } finally {
    await service.close();
  }
}
