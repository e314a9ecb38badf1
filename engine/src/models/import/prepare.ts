/** From a file that somebody exported to one that a task can name, and what to know of it. */
import { writeModel } from '../../onnx/index.js';
import { cutAt } from './choose-output.js';
import { readTrainedPart } from './external-data.js';
import { findLogits, type Logits } from './find-logits.js';
import { foldImported } from './fold.js';
import { type ImportOptions, importModel } from './import-model.js';
import { type InspectedModel, inspect } from './inspect.js';
import { restoreParameters } from './restore-parameters.js';
import { vocabularyOf } from './vocabulary.js';

export interface PreparedImport {
  readonly inspected: InspectedModel;
  /** One ONNX file: functions inlined, tensors inside, constants folded, cut at what is trained. */
  readonly bytes: Uint8Array;
  /** The names and sizes of what would be trained with the options given. */
  readonly trained: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly trainedCount: number;
  /** Numbers that each device trains and keeps to itself. */
  readonly localCount: number;
  /** Shapes of one example. */
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** Whether the input is indices of tokens rather than measurements. */
  readonly tokens: boolean;
  /** Rows of the smallest table that the input indexes: tokens are below it. */
  readonly vocabulary: number | undefined;
  /** Where the model ended in probabilities: the value it now ends in, and the loss for it. */
  readonly logits: Logits | undefined;
}

/**
 * Checks that a model can be trained with these options, and gives it in the form that tasks keep. Unless told which
 * output to train, a model that ends in probabilities is cut before them, at the logits that losses take.
 * @throws OnnxError, ModelError or AutodiffError where it cannot be read or trained
 */
export function prepareImport(path: string, options: ImportOptions = {}): PreparedImport {
  const original = restoreParameters(readTrainedPart(path, options.output));
  const logits = options.output === undefined ? findLogits(original) : undefined;
  const model = logits === undefined ? original : cutAt(original, logits.output);
  const { parameters, parameterCount, local, inputShape, outputShape } = importModel(model, options);
  const folded = foldImported(model);
  return {
    inspected: inspect(model),
    bytes: writeModel(folded),
    trained: parameters.map(({ name, shape }) => ({ name, shape })),
    trainedCount: parameterCount,
    localCount: local?.start.length ?? 0,
    inputShape,
    outputShape,
    tokens: model.graph.inputs[0]?.dataType.startsWith('int') ?? false,
    vocabulary: vocabularyOf(folded.graph),
    logits,
  };
}
