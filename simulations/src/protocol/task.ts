/** The task that a scenario is, for a coordinator; what no coordinator does is refused by the key that asks for it. */
import type { LineOf } from '@starling/coordinator/definitions';
import { type StrategyDefinition, strategyKinds, updatesNeeded } from '@starling/federation';
import { type Scenario, scenarioFault } from '../scenario/index.js';
import type { PreparedScenario } from '../simulation/prepare.js';

/** Most devices of protocol mode: each has a disk, a certificate and an agent of its own. */
export const devicesMax = 1_000;

/** Long enough that nobody is ever late: time is virtual. */
const patienceMs = 3_600_000;

/** Where some may never come, whoever is there has come by then. */
const recruitMs = 30_000;
const recruitGraceMs = 10_000;

/** Share of a masked round that may be lost: with it, a round of six still has its sum of four. */
const dropoutFraction = 0.4;

const taskName = 'scenario';

/** As operators write it. Throws a `SimulationError` `simulation/scenario` that names the line. */
export function taskOf(
  { scenario, model, plan, cohort, clients, local }: PreparedScenario,
  lineOf: LineOf,
): object {
  refuseWhatOnlyFastModeDoes(scenario, clients, lineOf);
  const { training, secureAggregation, encoding, devices, privacy } = scenario;
  const collectMs = Math.ceil(1_000 * (devices?.deadlineSeconds ?? patienceMs / 1_000));
  // How many clients one run of a graph trains is no concern of devices.
  const { clientsTogether: _, ...rest } = training;
  const [outputs] = model.outputShape;
  return {
    name: taskName,
    model: scenario.model,
    contract: {
      features: [{ name: 'x', dataType: 'float32', shape: [...model.inputShape], range: [-1e9, 1e9] }],
      target: { kind: 'class', name: 'y', classes: outputs },
    },
    // The devices' own examples are cut to what is used before they are handed over.
    training: { ...rest, batchSize: plan.manifest.batchSize, examplesMax: 0 },
    strategy: scenario.strategy as StrategyDefinition,
    encoding,
    secureAggregation:
      secureAggregation === null
        ? 'none'
        : {
            encoding: {
              bits: secureAggregation.bits,
              clipNorm: secureAggregation.clipNorm,
              rotation: secureAggregation.rotation,
            },
            weightMaximum: local.layout?.weightMaximum,
            ...(devices === null ? {} : { dropoutFraction }),
          },
    privacy: privacy === null ? 'none' : privacyOf(privacy),
    cohort: {
      size: cohort,
      minimum: devices === null ? cohort : fewestOf(scenario),
      overSelection: devices?.overSelection ?? 1,
    },
    deadlines: {
      recruitMs: devices === null ? patienceMs : recruitMs,
      recruitGraceMs: devices === null ? 100 : recruitGraceMs,
      collectMs,
      collectProgressMs: devices === null ? patienceMs : 1,
      collectMaxMs: collectMs,
    },
    attempts: devices === null ? undefined : 1,
    stop: { rounds: scenario.stop.rounds },
  };
}

/** Noise by the coordinator. A scenario sets no budget, so that the task's is one that no run uses up. */
function privacyOf({ clip, noiseMultiplier, delta }: NonNullable<Scenario['privacy']>): object {
  const budget = { epsilon: 1e9, delta, accountant: 'rdp', population: null };
  return { kind: 'central', ...budget, clip, noise: noiseMultiplier };
}

/** With how few updates a round is content: what is left of it counts, as in fast mode, unless masks or a rule need more. */
function fewestOf({ strategy, secureAggregation }: Scenario): number {
  const aggregation = 'aggregation' in strategy ? strategy.aggregation : undefined;
  if (aggregation !== undefined) return Math.max(1, updatesNeeded(aggregation));
  return secureAggregation === null ? 1 : 2;
}

function refuseWhatOnlyFastModeDoes(scenario: Scenario, clients: number, lineOf: LineOf): void {
  const refuse = (path: readonly (string | number)[], message: string): never => {
    throw scenarioFault({ path: [...path], message: `${message}; use the mode fast` }, lineOf);
  };
  const { strategy, privacy, evaluation, devices, training } = scenario;
  if (!strategyKinds.some((kind) => kind === strategy.kind)) {
    refuse(['strategy'], `a coordinator does not run ${strategy.kind}, only ${strategyKinds.join(', ')}`);
  }
  if (privacy?.noiseMultiplier === 0) {
    refuse(
      ['privacy', 'noiseMultiplier'],
      'a coordinator has updates clipped only where it adds noise to their sum',
    );
  }
  if (devices?.stragglers?.send === 'partial') {
    refuse(
      ['devices', 'stragglers', 'send'],
      "a task's epochs are signed, and agents send all of them or nothing",
    );
  }
  if (evaluation.clients !== null || evaluation.personalization !== null) {
    refuse(['evaluation'], 'in the mode protocol nothing but the test examples is measured');
  }
  if (training.loss.kind !== 'softmax-cross-entropy') {
    refuse(['training', 'loss'], 'in the mode protocol targets are classes');
  }
  if (training.batchSize === 'all') refuse(['training', 'batchSize'], 'a task has a number here');
  if (clients > devicesMax)
    refuse(['partition'], `${clients} devices are more than the ${devicesMax} of the mode protocol`);
}
