import type { Problem } from '@starling/coordinator/definitions';
import { lossGraph } from '@starling/engine';
import { algorithmOf, isAsynchronous } from '@starling/federation';
import type { Scenario } from './schema.js';

/** What each part allows but the parts together do not, as far as the text alone tells. */
export function findContradictions(scenario: Scenario): readonly Problem[] {
  return [
    ...cohortProblems(scenario),
    ...strategyProblems(scenario),
    ...fedNovaProblems(scenario),
    ...privacyProblems(scenario),
    ...personalizationProblems(scenario),
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
  const { strategy, devices, secureAggregation, encoding, training } = scenario;
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
  if (
    secureAggregation !== null &&
    ['fedbuff', 'fedasync', 'q-ffl', 'scaffold', 'fednova'].includes(strategy.kind)
  ) {
    problems.push({
      path: ['secureAggregation'],
      message: `${strategy.kind} sums more than whole-numbered weights of one vector, which the masked encoding does not hold; leave it out`,
    });
  }
  if (!baseline && isAsynchronous(strategy) && devices !== null) {
    if (devices.overSelection !== 1 || devices.deadlineSeconds !== null) {
      problems.push({
        path: ['devices'],
        message: `${strategy.kind} has no rounds that more are selected for or that a deadline ends; leave overSelection and deadlineSeconds out`,
      });
    }
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

/** FedNova divides by how far local steps go, which its settings must say as the optimizer has it. */
function fedNovaProblems({ strategy, training: { optimizer } }: Scenario): readonly Problem[] {
  if (strategy.kind !== 'fednova') return [];
  const { localMomentum, proximalMu } = strategy;
  if (optimizer.kind !== 'sgd' && (optimizer.kind !== 'momentum' || optimizer.nesterov)) {
    const message =
      'fednova knows how far steps of sgd and of momentum go; use one of them, without nesterov';
    return [{ path: ['training', 'optimizer'], message }];
  }
  const momentum = optimizer.kind === 'momentum' ? optimizer.momentum : 0;
  if (localMomentum !== momentum) {
    const message = `devices train with a momentum of ${momentum}, and it says ${localMomentum}; write {kind: fednova, localMomentum: ${momentum}}`;
    return [{ path: ['strategy', 'localMomentum'], message }];
  }
  if (momentum === 0 || proximalMu === 0) return [];
  const message =
    'fednova knows how far steps go with momentum or with a proximal term; leave one of them out';
  return [{ path: ['strategy', 'proximalMu'], message }];
}

/** Why ε, which is that of noise on a sum of clipped updates that weigh the same, would not be true of a strategy. */
const whyNotPrivate: Readonly<Record<string, string>> = {
  scaffold: 'sends a change of its control variate beside the update, which no noise hides',
  fednova: 'weighs updates by their examples, and sends how many steps were made',
  'q-ffl': 'weighs updates by their loss',
  fedbuff: 'takes updates as they arrive, of no cohort that is drawn, and of different weights',
  fedasync: 'takes updates as they arrive, of no cohort that is drawn, and one by one',
  'local-only': 'sends nothing that noise could hide',
  centralized: 'has no device whose update noise could hide',
};

function privacyProblems({ strategy, privacy }: Scenario): readonly Problem[] {
  if (privacy === null) return [];
  const problems: Problem[] = [];
  if ('weighting' in strategy && strategy.weighting !== 'uniform') {
    problems.push({
      path: ['strategy'],
      message: 'with privacy every update must weigh the same; write {kind: fedavg, weighting: uniform}',
    });
  }
  if (privacy.noiseMultiplier === 0) return problems;
  if (Object.hasOwn(whyNotPrivate, strategy.kind)) {
    problems.push({
      path: ['strategy'],
      message: `${strategy.kind} ${whyNotPrivate[strategy.kind]}, so its epsilon would not be true; write {kind: fedavg, weighting: uniform}, or leave privacy out`,
    });
  }
  if ('aggregation' in strategy && strategy.aggregation !== undefined) {
    problems.push({
      path: ['strategy', 'aggregation'],
      message: `noise is made for what one update adds to a sum, and ${strategy.aggregation.kind} is none; leave it out, or privacy`,
    });
  }
  return problems;
}

function personalizationProblems({
  strategy,
  evaluation: { personalization },
}: Scenario): readonly Problem[] {
  if (personalization === null) return [];
  const path = ['evaluation', 'personalization'];
  if (strategy.kind === 'local-only' || strategy.kind === 'centralized') {
    const message = `${strategy.kind} has no model of the fleet's to make personal; leave it out`;
    return [{ path, message }];
  }
  if (personalization.kind !== 'fine-tuning' || !algorithmOf(strategy).plan.correction) return [];
  const message = `local steps of ${strategy.kind} are corrected by what only its rounds have; use ditto, or another strategy`;
  return [{ path, message }];
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
function targetProblems({ stop: { target }, training, data }: Scenario): readonly Problem[] {
  if (target === null) return [];
  if (data.kind === 'files' && data.test === undefined) {
    const message = 'a target is measured on test examples, and there are none; set data.test';
    return [{ path: ['stop', 'target'], message }];
  }
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
