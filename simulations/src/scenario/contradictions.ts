import type { Problem } from '@starling/coordinator/definitions';
import { lossGraph } from '@starling/engine';
import { isAsynchronous } from '@starling/federation';
import type { Scenario } from './schema.js';

/** What each part allows but the parts together do not, as far as the text alone tells. */
export function findContradictions(scenario: Scenario): readonly Problem[] {
  return [
    ...cohortProblems(scenario),
    ...strategyProblems(scenario),
    ...dataProblems(scenario),
    ...targetProblems(scenario),
  ];
}

const clientsOf = ({ partition }: Scenario): number | undefined =>
  partition.kind === 'natural' ? undefined : partition.clients;

function cohortProblems(scenario: Scenario): readonly Problem[] {
  const { cohort } = scenario;
  const clients = clientsOf(scenario);
  if (clients === undefined || !('size' in cohort) || cohort.size <= clients) return [];
  if (scenario.strategy.kind === 'centralized') return [];
  return [
    {
      path: ['cohort', 'size'],
      message: `a cohort of ${cohort.size} is more than the ${clients} clients; select at most ${clients}`,
    },
  ];
}

function strategyProblems(scenario: Scenario): readonly Problem[] {
  const { strategy, devices, secureAggregation, privacy, encoding, training } = scenario;
  const problems: Problem[] = [];
  const baseline = strategy.kind === 'local-only' || strategy.kind === 'centralized';
  const robust = 'aggregation' in strategy && strategy.aggregation !== undefined;
  if (!baseline && isAsynchronous(strategy) && devices === null) {
    problems.push({
      path: ['devices'],
      message: `${strategy.kind} applies updates as they arrive, so it needs to know how fast devices are; add "devices: {}" for the defaults`,
    });
  }
  if (secureAggregation !== null && robust) {
    problems.push({
      path: ['secureAggregation'],
      message: 'a robust aggregate looks at single updates, which masks hide; leave one of them out',
    });
  }
  if (secureAggregation !== null && encoding.kind !== 'float32') {
    problems.push({
      path: ['encoding'],
      message: 'masked updates have an encoding of their own; leave this out',
    });
  }
  if (secureAggregation !== null && ['fedbuff', 'fedasync', 'q-ffl', 'scaffold'].includes(strategy.kind)) {
    problems.push({
      path: ['secureAggregation'],
      message: `${strategy.kind} sums more than whole-numbered weights of one vector, which the masked encoding does not hold; leave it out`,
    });
  }
  if (privacy !== null && 'weighting' in strategy && strategy.weighting !== 'uniform') {
    problems.push({
      path: ['strategy'],
      message: 'with privacy every update must weigh the same; write {kind: fedavg, weighting: uniform}',
    });
  }
  if (devices?.stragglers && devices.stragglers.epochsMinimum >= training.epochs) {
    problems.push({
      path: ['devices', 'stragglers', 'epochsMinimum'],
      message: `of ${training.epochs} epochs, stragglers cannot do fewer than all and ${devices.stragglers.epochsMinimum} at least; raise training.epochs`,
    });
  }
  if (strategy.kind === 'scaffold' && training.optimizer.kind !== 'sgd') {
    problems.push({
      path: ['training', 'optimizer'],
      message: "scaffold's control variates are for plain sgd",
    });
  }
  return problems;
}

function dataProblems({ data, partition, evaluation }: Scenario): readonly Problem[] {
  const problems: Problem[] = [];
  if (data.kind === 'synthetic' && partition.kind !== 'iid') {
    problems.push({
      path: ['partition', 'kind'],
      message: 'synthetic examples are made by each client for itself; use {kind: iid, clients: N}',
    });
  }
  if (data.kind === 'synthetic' && evaluation.clients !== null) {
    problems.push({
      path: ['evaluation', 'clients'],
      message: 'synthetic clients hold nothing out; leave this out',
    });
  }
  if (partition.kind === 'natural' && !(data.kind === 'files' && data.group !== undefined)) {
    problems.push({
      path: ['partition', 'kind'],
      message: 'a natural partition needs files with a column that names the clients; set data.group to it',
    });
  }
  if (evaluation.personalization !== null && evaluation.clients === null) {
    problems.push({
      path: ['evaluation', 'personalization'],
      message: 'a personal model is measured on its client: set evaluation.clients, {} for the defaults',
    });
  }
  return problems;
}

/** A target that nothing reaches would be run for in vain. */
function targetProblems({ stop: { target }, training }: Scenario): readonly Problem[] {
  if (target === null) return [];
  const metrics = lossGraph(training.loss).metricNames;
  if (!metrics.includes(target.metric)) {
    const message = `${training.loss.kind} measures ${metrics.join(' and ')}, not ${target.metric}`;
    return [{ path: ['stop', 'target', 'metric'], message }];
  }
  if (target.metric === 'accuracy' && !(target.value > 0 && target.value <= 1)) {
    const message = `an accuracy is a share, from 0 to 1; for ${target.value} % write ${target.value / 100}`;
    return [{ path: ['stop', 'target', 'value'], message }];
  }
  return [];
}
