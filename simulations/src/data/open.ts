/** From a scenario's `data` and `partition` to a fleet. */
import type { LineOf } from '@starling/coordinator/definitions';
import { ExamplesError } from '@starling/engine';
import { SimulationError } from '../errors.js';
import {
  dirichletLabelPartition,
  dirichletQuantityPartition,
  iidPartition,
  naturalPartition,
  type Partition,
  partitionOf,
  shardPartition,
} from '../partitions/index.js';
import { type Scenario, scenarioFault } from '../scenario/index.js';
import { deriveSeed, purposes } from '../seeds.js';
import { labelsOf, type SharedExamples, sharedFloats, sharedIntegers } from './examples.js';
import { openExamples } from './files.js';
import type { Fleet } from './fleet.js';
import { openMnist } from './mnist.js';
import { SyntheticExamples, type SyntheticSettings } from './synthetic.js';

/** A partition of the caller's own: client by client, the indices of its examples. */
export type PartitionFunction = (
  labels: Int32Array | undefined,
  count: number,
  seed: number,
) => readonly ArrayLike<number>[];

export interface OpenedData {
  readonly fleet: Fleet;
  readonly test: SharedExamples | undefined;
  readonly featureElements: number;
  readonly targetElements: number;
  /** Of the target; 0 where targets are numbers. */
  readonly classes: number;
}

/** Reads the data and cuts it. Throws a `SimulationError` that names the line of what does not fit. */
export async function openData(
  scenario: Scenario,
  lineOf: LineOf,
  ownPartition?: PartitionFunction,
): Promise<OpenedData> {
  const { data } = scenario;
  if (data.kind === 'synthetic') {
    if (ownPartition !== undefined) {
      throw ownPartitionFault(
        'synthetic clients make their examples themselves',
        'Use other data, or leave it out.',
      );
    }
    return openSynthetic(scenario, data);
  }
  const opened =
    data.kind === 'mnist' ? { ...(await openMnist()), groups: undefined } : await filesOf(data, lineOf);
  const { train, test, groups } = opened;
  const seed = deriveSeed(scenario.seed, purposes.data);
  const labels = labelsOf(train);
  const made =
    ownPartition === undefined
      ? partition(scenario, train, groups, seed, lineOf)
      : partitionOf(checkedParts(ownPartition(labels, train.count, seed), train.count));
  checkParts(made, scenario, train.count, lineOf);
  const holdout = scenario.evaluation.clients?.holdout ?? 0;
  if (holdout > 0) checkHoldout(made, holdout, lineOf);
  return {
    fleet: {
      kind: 'shared',
      examples: train,
      partition: holdout > 0 ? shuffleParts(made, seed) : made,
      holdout,
    },
    test,
    featureElements: train.featureElements,
    targetElements: train.targetElements,
    classes:
      data.kind === 'mnist' ? 10 : data.contract.target.kind === 'class' ? data.contract.target.classes : 0,
  };
}

/** What is wrong with a file is told by the line that names it. */
async function filesOf(
  { train, test, contract, group }: Extract<Scenario['data'], { kind: 'files' }>,
  lineOf: LineOf,
) {
  const open = async (key: 'train' | 'test', path: string, column?: string) => {
    try {
      return await openExamples(path, contract, column);
    } catch (error) {
      if (!(error instanceof ExamplesError)) throw error;
      throw scenarioFault({ path: ['data', key], message: error.message }, lineOf, error);
    }
  };
  const { examples, groups } = await open('train', train, group);
  return {
    train: examples,
    test: test === undefined ? undefined : (await open('test', test)).examples,
    groups,
  };
}

function partition(
  { partition: wanted, strategy }: Scenario,
  train: SharedExamples,
  groups: Int32Array | undefined,
  seed: number,
  lineOf: LineOf,
): Partition {
  const { count } = train;
  if (strategy.kind === 'centralized') return iidPartition(count, 1, seed);
  const needLabels = (): Int32Array => {
    const labels = labelsOf(train);
    if (labels !== undefined) return labels;
    throw scenarioFault(
      {
        path: ['partition', 'kind'],
        message: `a partition by ${wanted.kind} needs a target of classes; use iid or quantity`,
      },
      lineOf,
    );
  };
  switch (wanted.kind) {
    case 'iid':
      return iidPartition(count, wanted.clients, seed);
    case 'shards': {
      const shards = wanted.clients * wanted.shardsPerClient;
      if (shards > count) throw tooMany(shards, 'shards', count, 'fewer clients or shardsPerClient', lineOf);
      return shardPartition(needLabels(), wanted.clients, wanted.shardsPerClient, seed);
    }
    case 'dirichlet':
      if (wanted.clients * wanted.minimum > count) {
        throw tooMany(wanted.clients * wanted.minimum, 'examples', count, fewer(wanted.minimum), lineOf);
      }
      return dirichletLabelPartition(needLabels(), wanted.clients, wanted.alpha, wanted.minimum, seed);
    case 'quantity':
      if (wanted.clients * wanted.minimum > count) {
        throw tooMany(wanted.clients * wanted.minimum, 'examples', count, fewer(wanted.minimum), lineOf);
      }
      return dirichletQuantityPartition(count, wanted.clients, wanted.alpha, wanted.minimum, seed);
    case 'natural':
      if (groups === undefined) throw new TypeError('natural partitions are checked to have groups');
      return naturalPartition(groups);
  }
}

const fewer = (minimum: number): string =>
  minimum > 1 ? 'fewer clients or a smaller minimum' : 'fewer clients';

function tooMany(wanted: number, what: string, count: number, remedy: string, lineOf: LineOf): Error {
  return scenarioFault(
    {
      path: ['partition', 'clients'],
      message: `this takes ${wanted} ${what}, but there are ${count} examples; use ${remedy}`,
    },
    lineOf,
  );
}

/** A caller's own partition: an example that is not there would be read from beyond the array. */
function checkedParts(parts: readonly ArrayLike<number>[], count: number): readonly ArrayLike<number>[] {
  if (parts.length === 0) throw ownPartitionFault('it has no clients', 'Give a list for each client.');
  for (const [client, part] of parts.entries()) {
    for (let at = 0; at < part.length; at += 1) {
      const index = part[at];
      if (Number.isInteger(index) && index >= 0 && index < count) continue;
      throw ownPartitionFault(
        `client ${client} holds example ${index}`,
        `Examples are whole numbers from 0 to ${count - 1}.`,
      );
    }
  }
  return parts;
}

const ownPartitionFault = (what: string, remedy: string): SimulationError =>
  new SimulationError('simulation/plug-in', `The function \`partition\` does not fit: ${what}.`, remedy);

/** Every client trains on something, and the cohort is not larger than the fleet. */
function checkParts(
  { clients, offsets }: Partition,
  { cohort, strategy }: Scenario,
  count: number,
  lineOf: LineOf,
): void {
  for (let client = 0; client < clients; client += 1) {
    if (offsets[client + 1] > offsets[client]) continue;
    throw scenarioFault(
      {
        path: ['partition', 'clients'],
        message: `client ${client} of ${clients} would hold none of the ${count} examples; use fewer clients`,
      },
      lineOf,
    );
  }
  if (strategy.kind !== 'centralized' && 'size' in cohort && cohort.size > clients) {
    throw scenarioFault(
      {
        path: ['cohort', 'size'],
        message: `a cohort of ${cohort.size} is more than the ${clients} clients; select at most ${clients}`,
      },
      lineOf,
    );
  }
}

/** Somebody holds something out: else nothing would be measured on clients. */
function checkHoldout({ clients, offsets }: Partition, holdout: number, lineOf: LineOf): void {
  let largest = 0;
  for (let client = 0; client < clients; client += 1) {
    largest = Math.max(largest, offsets[client + 1] - offsets[client]);
  }
  if (Math.floor(largest * holdout) > 0) return;
  throw scenarioFault(
    {
      path: ['evaluation', 'clients', 'holdout'],
      message: `no client holds anything out: the largest has ${largest} ${largest === 1 ? 'example' : 'examples'}, of which ${holdout} is not one; raise it, or use fewer clients`,
    },
    lineOf,
  );
}

/** Held-out examples are a client's last ones: mixed first, so that they are not all of one class. */
function shuffleParts({ clients, offsets, indices }: Partition, seed: number): Partition {
  const parts = Array.from({ length: clients }, (_, client) => {
    const own = indices.subarray(offsets[client], offsets[client + 1]);
    const rank = new Map(Array.from(own, (index) => [index, deriveSeed(seed, purposes.holdout, index)]));
    return own.slice().sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0) || a - b);
  });
  return partitionOf(parts);
}

/** Test examples of a synthetic fleet: those of clients that take part in nothing. */
export const syntheticTestClients = 50;

function openSynthetic(
  { seed, partition: wanted }: Scenario,
  data: Extract<Scenario['data'], { kind: 'synthetic' }>,
): OpenedData {
  const clients = wanted.kind === 'natural' ? 1 : wanted.clients;
  const { features, classes, examples, heterogeneity } = data;
  const settings: SyntheticSettings = { clients, features, classes, examples, heterogeneity, seed };
  const source = new SyntheticExamples(settings);
  const count = syntheticTestClients * examples;
  const test: SharedExamples = {
    count,
    featureElements: features,
    features: sharedFloats(count * features),
    scale: 1,
    offset: 0,
    targets: sharedIntegers(count),
    targetElements: 1,
  };
  const all = Uint32Array.from({ length: examples }, (_, index) => index);
  for (let client = 0; client < syntheticTestClients; client += 1) {
    source.select(clients + client);
    const first = client * examples;
    const { features: out } = test;
    if (out instanceof Float32Array) {
      source.readFeatures(all, out.subarray(first * features, (first + examples) * features));
    }
    source.readTargets(all, test.targets.subarray(first, first + examples));
  }
  return {
    fleet: { kind: 'synthetic', settings },
    test,
    featureElements: features,
    targetElements: 1,
    classes,
  };
}
