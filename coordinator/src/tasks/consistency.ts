import {
  buildModel,
  elementCount,
  featureElements,
  importModelFile,
  lossGraph,
  namedModel,
  PlanError,
  type TrainableModel,
  targetElements,
  withQuantization,
} from '@starling/engine';
import { proximalMuOf } from '@starling/federation';
import { checkAggregation, groupsIn } from './aggregation.js';
import type { CohortDefinition, TaskDefinition } from './definition.js';
import type { Problem } from './places.js';
import { checkPrivacy } from './privacy.js';
import { checkSecureAggregation } from './secure-settings.js';

/**
 * A task's model, whether the task lists its layers, names one that everybody knows, or says where its file is.
 * Throws a `ModelError` or an `OnnxError` for a model that cannot be trained.
 */
export function modelOf({
  model,
  quantization,
}: Pick<TaskDefinition, 'model'> & Partial<Pick<TaskDefinition, 'quantization'>>): TrainableModel {
  return withQuantization(plainModel(model), quantization?.aware);
}

function plainModel(model: TaskDefinition['model']): TrainableModel {
  if ('onnx' in model) {
    const { onnx, ...options } = model;
    return importModelFile(onnx, options);
  }
  return buildModel('builtin' in model ? namedModel(model.builtin) : model);
}

/** What each part allows but the parts together do not. */
export function findContradictions(definition: TaskDefinition, model: TrainableModel): Problem[] {
  const { inputShape, outputShape, parameterCount } = model;
  return [
    ...checkCohort(definition.cohort, ['cohort']),
    ...(definition.evaluation.federated
      ? checkCohort(definition.evaluation.federated.cohort, ['evaluation', 'federated', 'cohort'])
      : []),
    ...checkSecureAggregation(definition, definition.cohort, ['cohort'], groupsIn(definition.strategy)),
    ...(definition.evaluation.federated
      ? checkSecureAggregation(definition, definition.evaluation.federated.cohort, [
          'evaluation',
          'federated',
          'cohort',
        ])
      : []),
    ...checkDeadlines(definition),
    ...checkInput(definition, inputShape),
    ...checkTarget(definition, outputShape),
    ...checkObjectives(definition),
    ...checkPrivacy(definition, parameterCount),
    ...checkAggregation(definition),
    ...checkRuntime(definition, model),
  ];
}

function checkRuntime(
  { training: { runtime = 'onnxruntime' }, strategy, quantization }: TaskDefinition,
  { layersFile }: TrainableModel,
): Problem[] {
  if (runtime === 'onnxruntime') return [];
  const path = ['training', 'runtime'];
  if (layersFile === undefined) {
    const message = `${runtime} trains layers models alone; name a model.json without head, lora, dropout and batchNorm, or write onnxruntime`;
    return [{ path, message }];
  }
  if (proximalMuOf(strategy) === 0 && quantization === null) return [];
  return [{ path, message: `${runtime} trains without proximal terms and quantization; write onnxruntime` }];
}

function checkCohort({ size, minimum }: CohortDefinition, path: readonly string[]): Problem[] {
  if (minimum <= size) return [];
  const message = `is ${minimum}, more than the cohort's size of ${size}; make it at most ${size}`;
  return [{ path: [...path, 'minimum'], message }];
}

function checkDeadlines({ deadlines }: TaskDefinition): Problem[] {
  const { collectMs, collectMaxMs } = deadlines;
  if (collectMs <= collectMaxMs) return [];
  const message = `is ${collectMaxMs}, but "collectMs" alone is ${collectMs}; make it at least that`;
  return [{ path: ['deadlines', 'collectMaxMs'], message }];
}

function checkInput({ contract }: TaskDefinition, inputShape: readonly number[]): Problem[] {
  const [has, wants] = [featureElements(contract), elementCount(inputShape)];
  if (has === wants) return [];
  const message = `one example has ${has} numbers, but the model's input [${inputShape.join(', ')}] takes ${wants}`;
  return [{ path: ['contract', 'features'], message }];
}

function checkTarget({ contract, training }: TaskDefinition, outputShape: readonly number[]): Problem[] {
  const { target } = contract;
  const graph = lossGraph(training.loss);
  let targetShape: readonly number[];
  try {
    targetShape = graph.targetShape(outputShape);
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    return [{ path: ['training', 'loss'], message: error.message }];
  }
  const wantsClass = graph.targetDataType === 'int32';
  if (wantsClass !== (target.kind === 'class')) {
    const [found, right] = wantsClass ? ['numbers', 'a class index'] : ['a class index', 'numbers'];
    const message = `${training.loss.kind} learns from ${right}, but the contract's target is ${found}`;
    return [{ path: ['contract', 'target', 'kind'], message }];
  }
  const classes = outputShape.at(-1);
  if (target.kind === 'class' && target.classes !== classes) {
    const message = `is ${target.classes}, but the model puts out ${classes} values an example`;
    return [{ path: ['contract', 'target', 'classes'], message }];
  }
  if (target.kind === 'number' && targetElements(contract) !== elementCount(targetShape)) {
    const message = `has ${targetElements(contract)} numbers, but the loss compares ${elementCount(targetShape)}`;
    return [{ path: ['contract', 'target', 'shape'], message }];
  }
  return [];
}

function checkObjectives({ stop, evaluation, training }: TaskDefinition): Problem[] {
  const metrics = lossGraph(training.loss).metricNames;
  return (['target', 'patience'] as const).flatMap((part): Problem[] => {
    const objective = stop[part];
    if (objective === null) return [];
    const { metric, source } = objective;
    if (!metrics.includes(metric)) {
      const message = `"${metric}" is not measured; ${training.loss.kind} gives ${metrics.join(', ')}`;
      return [{ path: ['stop', part, 'metric'], message }];
    }
    if (source === 'training' || evaluation[source] !== null) return [];
    const message = `nothing is measured there; add "evaluation.${source}", or use another source`;
    return [{ path: ['stop', part, 'source'], message }];
  });
}
