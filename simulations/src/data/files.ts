/** Examples from files, checked against their contract. */
import { type FeatureContract, featureElements, openExamplesFolder, targetElements } from '@starling/engine';
import { SimulationError } from '../errors.js';
import { type SharedExamples, shareExamples } from './examples.js';

export interface OpenedFiles {
  readonly train: SharedExamples;
  readonly test: SharedExamples | undefined;
  /** Which client each training example belongs to, where the data says so: `[count]`. */
  readonly groups: Int32Array | undefined;
}

export interface FileData {
  readonly train: string;
  readonly test?: string | undefined;
  readonly contract: FeatureContract;
  readonly group?: string | undefined;
}

export async function openFiles({ train, test, contract, group }: FileData): Promise<OpenedFiles> {
  if (group !== undefined) throw new SimulationError('simulation/data', 'no groups yet');
  return {
    train: await open(train, contract),
    test: test === undefined ? undefined : await open(test, contract),
    groups: undefined,
  };
}

async function open(path: string, contract: FeatureContract): Promise<SharedExamples> {
  const source = await openExamplesFolder(path, contract);
  return shareExamples(source, {
    featureElements: featureElements(contract),
    targetElements: targetElements(contract),
    classes: contract.target.kind === 'class',
  });
}
