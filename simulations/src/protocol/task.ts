/** The task that a scenario is, for a coordinator; what no coordinator does is refused by the key that asks for it. */
import type { LineOf } from '@starling/coordinator/definitions';
import { type StrategyDefinition, strategyKinds } from '@starling/federation';
import { type Scenario, scenarioFault } from '../scenario/index.js';
import type { PreparedScenario } from '../simulation/prepare.js';

/** Most devices of protocol mode: each has a disk, a certificate and an agent of its own. */
export const devicesMax = 1_000;

/** Long enough that nobody is ever late: time is virtual. */
const patienceMs = 3_600_000;

const taskName = 'scenario';

/** As operators write it. Throws a `SimulationError` `simulation/scenario` that names the line. */
export function taskOf(
  { scenario, model, cohort, clients, local }: PreparedScenario,
  lineOf: LineOf,
): object {
  refuseWhatOnlyFastModeDoes(scenario, clients, lineOf);
  const { training, secureAggregation, encoding } = scenario;
  // How many clients one run of a graph trains is no concern of devices.
  const { batchSize, clientsTogether: _, ...rest } = training;
  const [outputs] = model.outputShape;
  return {
    name: taskName,
    model: scenario.model,
    contract: {
      features: [{ name: 'x', dataType: 'float32', shape: [...model.inputShape], range: [-1e9, 1e9] }],
      target: { kind: 'class', name: 'y', classes: outputs },
    },
    // The devices' own examples are cut to what is used before they are handed over.
    training: { ...rest, batchSize, examplesMax: 0 },
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
          },
    cohort: { size: cohort, minimum: cohort },
    deadlines: {
      recruitMs: patienceMs,
      recruitGraceMs: 100,
      collectMs: patienceMs,
      collectProgressMs: patienceMs,
      collectMaxMs: patienceMs,
    },
    stop: { rounds: scenario.stop.rounds },
  };
}

function refuseWhatOnlyFastModeDoes(scenario: Scenario, clients: number, lineOf: LineOf): void {
  const refuse = (path: readonly (string | number)[], message: string): never => {
    throw scenarioFault({ path: [...path], message: `${message}; use the mode fast` }, lineOf);
  };
  const { strategy, privacy, attack, evaluation, devices, training } = scenario;
  if (!strategyKinds.some((kind) => kind === strategy.kind)) {
    refuse(['strategy'], `a coordinator does not run ${strategy.kind}, only ${strategyKinds.join(', ')}`);
  }
  if (privacy !== null) refuse(['privacy'], 'the protocol draws noise that no seed decides');
  if (attack !== null) refuse(['attack'], 'agents attack nobody');
  if (devices !== null) refuse(['devices'], 'in the mode protocol every device is there and takes no time');
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
