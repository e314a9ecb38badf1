/**
 * The shape rule of every operator the engine knows, as one table. A new operator is a line here; operators
 * of one family share a file.
 */
import { col2Im } from './col2im.js';
import type { InferenceRule } from './context.js';
import { scan } from './control-flow.js';
import { conv, convTranspose, globalPool, maxUnpool, pool } from './convolution.js';
import { depthToSpace, spaceToDepth } from './depth-space.js';
import { einsum } from './einsum.js';
import {
  alongAxis,
  broadcasting,
  broadcastingBool,
  cast,
  cumSum,
  dropout,
  eyeLike,
  likeFirst,
  likeFirstAs,
  ofChannels,
  pow,
  where,
} from './elementwise.js';
import { concat, gather, gatherElements, gatherND, oneHot, pad, slice, split } from './indexing.js';
import { dynamicQuantizeLinear, matMulInteger, matMulNBits } from './integer-products.js';
import { gemm, matmul } from './matmul.js';
import { batchNormalization, layerNormalization } from './normalization.js';
import { dequantizeLinear, quantizeLinear } from './quantization.js';
import { recurrent } from './recurrent.js';
import { argReduction, reduction, topK } from './reductions.js';
import {
  constant,
  constantOfShape,
  expand,
  flatten,
  range,
  reshape,
  shapeOf,
  size,
  squeeze,
  tile,
  transpose,
  unsqueeze,
} from './reshaping.js';
import { affineGrid, gridSample, resize } from './resize.js';

export type { InferenceContext, InferenceRule, Inferred } from './context.js';
export { slicedRange } from './indexing.js';

const family = (rule: InferenceRule, opTypes: readonly string[]) =>
  opTypes.map((opType): readonly [string, InferenceRule] => [opType, rule]);

/** Rules by operator name, of the standard domain. */
export const inferenceRules: ReadonlyMap<string, InferenceRule> = new Map([
  ...family(likeFirst, [
    'Abs',
    'Acos',
    'Acosh',
    'Asin',
    'Asinh',
    'Atan',
    'Atanh',
    'BitwiseNot',
    'Ceil',
    'Celu',
    'Clip',
    'Cos',
    'Cosh',
    'Elu',
    'Erf',
    'Exp',
    'Floor',
    'Gelu',
    'HardSigmoid',
    'HardSwish',
    'Identity',
    'LeakyRelu',
    'Log',
    'Mish',
    'Neg',
    'Not',
    'PRelu',
    'Reciprocal',
    'Relu',
    'Round',
    'ScatterND',
    'Selu',
    'Sigmoid',
    'Sign',
    'Sin',
    'Sinh',
    'Softplus',
    'Softsign',
    'Sqrt',
    'Tan',
    'Tanh',
    'ThresholdedRelu',
    'Trilu',
  ]),
  ...family(alongAxis(-1), ['Hardmax', 'LogSoftmax', 'Softmax']),
  ['ScatterElements', alongAxis(0)],
  ['CumSum', cumSum],
  ...family(ofChannels, ['InstanceNormalization', 'LRN']),
  ...family(likeFirstAs('bool'), ['IsInf', 'IsNaN']),
  ...family(broadcasting, ['Add', 'Sub', 'Mul', 'Div', 'Mod', 'Min', 'Max', 'Sum', 'Mean', 'BitShift']),
  ...family(broadcasting, ['BitwiseAnd', 'BitwiseOr', 'BitwiseXor']),
  ...family(broadcastingBool, [
    'Equal',
    'Greater',
    'GreaterOrEqual',
    'Less',
    'LessOrEqual',
    'And',
    'Or',
    'Xor',
  ]),
  ['Cast', cast],
  ['Dropout', dropout],
  ['EyeLike', eyeLike],
  ['Pow', pow],
  ['Where', where],
  ['MatMul', matmul],
  ['Gemm', gemm],
  ['Conv', conv],
  ['ConvTranspose', convTranspose],
  ...family(pool, ['MaxPool', 'AveragePool', 'LpPool']),
  ...family(globalPool, ['GlobalAveragePool', 'GlobalLpPool', 'GlobalMaxPool']),
  ['MaxUnpool', maxUnpool],
  ...family(reduction, ['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd']),
  ...family(reduction, ['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceSumSquare']),
  ...family(argReduction, ['ArgMax', 'ArgMin']),
  ['TopK', topK],
  ['LayerNormalization', layerNormalization],
  ['BatchNormalization', batchNormalization],
  ['Reshape', reshape],
  ['Flatten', flatten],
  ['Transpose', transpose],
  ['Squeeze', squeeze],
  ['Unsqueeze', unsqueeze],
  ['Expand', expand],
  ['Tile', tile],
  ['Shape', shapeOf],
  ['Size', size],
  ['Constant', constant],
  ['ConstantOfShape', constantOfShape],
  ['Range', range],
  ['Concat', concat],
  ['Split', split],
  ['Slice', slice],
  ['Gather', gather],
  ['GatherElements', gatherElements],
  ['GatherND', gatherND],
  ['Pad', pad],
  ['OneHot', oneHot],
  ['Scan', scan],
  ...family(recurrent, ['GRU', 'LSTM', 'RNN']),
  ['AffineGrid', affineGrid],
  ['Col2Im', col2Im],
  ['GridSample', gridSample],
  ['Resize', resize],
  ['Einsum', einsum],
  ['QuantizeLinear', quantizeLinear],
  ['DequantizeLinear', dequantizeLinear],
  ['DynamicQuantizeLinear', dynamicQuantizeLinear],
  ['MatMulInteger', matMulInteger],
  ['DepthToSpace', depthToSpace],
  ['SpaceToDepth', spaceToDepth],
]);

/** Rules of operators outside of the standard, by domain and name: those that ONNX Runtime brings and we emit. */
export const contributedRules: ReadonlyMap<string, InferenceRule> = new Map([
  ['com.microsoft.MatMulNBits', matMulNBits],
]);
