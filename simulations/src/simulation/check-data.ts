/** Whether model, loss and attack suit the data: what its examples alone tell, before any work starts. */
import type { LineOf } from '@starling/coordinator/definitions';
import { elementCount, lossGraph, type TrainableModel } from '@starling/engine';
import type { OpenedData } from '../data/open.js';
import { attackerCount, attackOf } from '../execution/attacks.js';
import { type Scenario, scenarioFault } from '../scenario/index.js';

/** Throws a `SimulationError` `simulation/scenario` that names the line. */
export function checkShapes(
  model: TrainableModel,
  data: Pick<OpenedData, 'featureElements' | 'targetElements' | 'classes'>,
  { training }: Scenario,
  lineOf: LineOf,
): void {
  const refuse = (path: readonly string[], message: string): never => {
    throw scenarioFault({ path: [...path], message }, lineOf);
  };
  const inputs = elementCount(model.inputShape);
  if (inputs !== data.featureElements) {
    refuse(
      ['model'],
      `its input [${model.inputShape.join(', ')}] takes ${inputs} numbers, but an example has ${data.featureElements}`,
    );
  }
  const { kind } = training.loss;
  const loss = lossGraph(training.loss);
  let wanted = 0;
  try {
    wanted = elementCount(loss.targetShape(model.outputShape));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    refuse(['training', 'loss'], error.message);
  }
  if (loss.targetDataType === 'int32' && data.classes === 0) {
    refuse(['training', 'loss'], `${kind} learns from classes, but the data's targets are numbers`);
  }
  if (wanted !== data.targetElements) {
    refuse(
      ['training', 'loss'],
      `${kind} compares each of the model's ${wanted} outputs, but a target has ${data.targetElements}; use softmax-cross-entropy for classes, or a model of ${data.targetElements}`,
    );
  }
  const [outputs] = model.outputShape;
  if (kind === 'softmax-cross-entropy' && data.classes > outputs) {
    refuse(['model'], `it tells ${outputs} classes apart, but the data has ${data.classes}`);
  }
}

/** The attack's own module is loaded, as workers will. Throws a `SimulationError` `simulation/scenario`. */
export async function checkAttack(
  { attack }: Scenario,
  { featureElements, classes }: Pick<OpenedData, 'featureElements' | 'classes'>,
  lineOf: LineOf,
): Promise<void> {
  const refuse = (key: string, message: string, cause?: unknown): never => {
    throw scenarioFault({ path: ['attack', key], message }, lineOf, cause);
  };
  if (attack?.kind === 'backdoor') {
    const { target, triggerFeatures } = attack;
    if (classes > 0 && target >= classes) {
      refuse('target', `there is no class ${target}; the data has ${classes}, counted from 0`);
    }
    if (triggerFeatures > featureElements) {
      refuse('triggerFeatures', `an example has ${featureElements} numbers; use at most as many`);
    }
  }
  if (attack?.kind !== 'module') return;
  try {
    await attackOf(attack);
  } catch (error) {
    // Without whence: this file is nobody's concern.
    const why = (error instanceof Error ? error.message : String(error)).replace(/ imported from .*/s, '');
    refuse('module', `it cannot be loaded: ${why}`, error);
  }
}

/** An attack has an attacker, unless nobody is asked for. */
export function checkAttackers({ attack }: Scenario, clients: number, lineOf: LineOf): void {
  if (attack === null || attack.share === 0 || attackerCount(attack.share, clients) > 0) return;
  const message = `${attack.share} of ${clients} clients is not one attacker; raise it, or leave the attack out`;
  throw scenarioFault({ path: ['attack', 'share'], message }, lineOf);
}
