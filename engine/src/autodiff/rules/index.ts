/** The gradient rule of every operator that has one, as one table. */
import type { Node } from '../../onnx/index.js';
import type { GradientRule } from '../context.js';
import { type Lowering, lowerings } from '../lowerings/index.js';
import { abs } from './abs.js';
import { add, sub } from './add.js';
import { averagePool } from './average-pool.js';
import { batchNormalization } from './batch-normalization.js';
import { cast } from './cast.js';
import { celu } from './celu.js';
import { clip } from './clip.js';
import { col2Im } from './col2im.js';
import { concat } from './concat.js';
import { conv } from './conv.js';
import { convTranspose } from './conv-transpose.js';
import { cumSum } from './cum-sum.js';
import { div } from './div.js';
import { dropout } from './dropout.js';
import { elu } from './elu.js';
import { erf } from './erf.js';
import { exp } from './exp.js';
import { expand, tile } from './expand.js';
import { gather, gatherElements, gatherND } from './gather.js';
import { gelu } from './gelu.js';
import { gemm } from './gemm.js';
import { globalAveragePool, globalMaxPool } from './global-pool.js';
import { hardSigmoid, hardSwish } from './hard-sigmoid.js';
import { identity } from './identity.js';
import { instanceNormalization } from './instance-normalization.js';
import { layerNormalization } from './layer-normalization.js';
import { leakyRelu } from './leaky-relu.js';
import { log } from './log.js';
import { logSoftmax } from './log-softmax.js';
import { matmul } from './matmul.js';
import { maxPool } from './max-pool.js';
import { mean } from './mean.js';
import { max, min } from './min-max.js';
import { mish } from './mish.js';
import { mul } from './mul.js';
import { neg } from './neg.js';
import { pad } from './pad.js';
import { pow } from './pow.js';
import { prelu } from './prelu.js';
import { dequantizeLinear, quantizeLinear } from './quantize-linear.js';
import { reciprocal } from './reciprocal.js';
import {
  reduceL1,
  reduceL2,
  reduceLogSumExp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceSumRule,
  reduceSumSquare,
} from './reductions.js';
import { relu } from './relu.js';
import { reshape } from './reshape.js';
import { scatterElements, scatterND } from './scatter.js';
import { selu } from './selu.js';
import { sigmoid } from './sigmoid.js';
import { slice } from './slice.js';
import { softmax } from './softmax.js';
import { softplus } from './softplus.js';
import { softsign } from './softsign.js';
import { split } from './split.js';
import { sqrt } from './sqrt.js';
import { tanh } from './tanh.js';
import { thresholdedRelu } from './thresholded-relu.js';
import { topK } from './top-k.js';
import { transpose } from './transpose.js';
import * as trigonometric from './trigonometric.js';
import { trilu } from './trilu.js';
import { where } from './where.js';

/** The gradient of a composite operator is that of what it is written out as. */
const throughLowering =
  (lowering: Lowering): GradientRule =>
  (context) =>
    context.through(() => lowering(context.builder, context.node, context.inputs));

/** Rules by operator name, of the standard domain. */
export const gradientRules: ReadonlyMap<string, GradientRule> = new Map<string, GradientRule>([
  ['Abs', abs],
  ['Add', add],
  ['AveragePool', averagePool],
  ['BatchNormalization', batchNormalization],
  ['Cast', cast],
  ['Clip', clip],
  ['Concat', concat],
  ['Conv', conv],
  ['Div', div],
  ['Dropout', dropout],
  ['Elu', elu],
  ['Erf', erf],
  ['Exp', exp],
  ['Expand', expand],
  ['Flatten', reshape],
  ['Gather', gather],
  ['GatherElements', gatherElements],
  ['GatherND', gatherND],
  ['Gelu', gelu],
  ['Gemm', gemm],
  ['GlobalAveragePool', globalAveragePool],
  ['GlobalMaxPool', globalMaxPool],
  ['Identity', identity],
  ['InstanceNormalization', instanceNormalization],
  ['LayerNormalization', layerNormalization],
  ['LeakyRelu', leakyRelu],
  ['Log', log],
  ['LogSoftmax', logSoftmax],
  ['MatMul', matmul],
  ['Max', max],
  ['MaxPool', maxPool],
  ['Min', min],
  ['Mul', mul],
  ['Neg', neg],
  ['Pad', pad],
  ['Pow', pow],
  ['Reciprocal', reciprocal],
  ['ReduceL1', reduceL1],
  ['ReduceL2', reduceL2],
  ['ReduceLogSumExp', reduceLogSumExp],
  ['ReduceMax', reduceMax],
  ['ReduceMean', reduceMean],
  ['ReduceMin', reduceMin],
  ['ReduceSum', reduceSumRule],
  ['ReduceSumSquare', reduceSumSquare],
  ['Relu', relu],
  ['Reshape', reshape],
  ['Sigmoid', sigmoid],
  ['Slice', slice],
  ['Softmax', softmax],
  ['Softplus', softplus],
  ['Split', split],
  ['Sqrt', sqrt],
  ['Squeeze', reshape],
  ['Sub', sub],
  ['Sum', add],
  ['Tanh', tanh],
  ['Tile', tile],
  ['Transpose', transpose],
  ['Unsqueeze', reshape],
  ['Celu', celu],
  ['Col2Im', col2Im],
  ['ConvTranspose', convTranspose],
  ['CumSum', cumSum],
  ['Mean', mean],
  ['Mish', mish],
  ['PRelu', prelu],
  ['Selu', selu],
  ['Softsign', softsign],
  ['ThresholdedRelu', thresholdedRelu],
  ['TopK', topK],
  ['Trilu', trilu],
  ['DequantizeLinear', dequantizeLinear],
  ['HardSigmoid', hardSigmoid],
  ['HardSwish', hardSwish],
  ['QuantizeLinear', quantizeLinear],
  ['ScatterElements', scatterElements],
  ['ScatterND', scatterND],
  ['Where', where],
  ['Acos', trigonometric.acos],
  ['Acosh', trigonometric.acosh],
  ['Asin', trigonometric.asin],
  ['Asinh', trigonometric.asinh],
  ['Atan', trigonometric.atan],
  ['Atanh', trigonometric.atanh],
  ['Cos', trigonometric.cos],
  ['Cosh', trigonometric.cosh],
  ['Sin', trigonometric.sin],
  ['Sinh', trigonometric.sinh],
  ['Tan', trigonometric.tan],
  ...[...lowerings].map(([opType, lowering]) => [opType, throughLowering(lowering)] as const),
]);

/** Operators that are constant almost everywhere, or give no numbers: nothing flows back through them. */
export const withoutGradient: ReadonlySet<string> = new Set([
  'ArgMax',
  'ArgMin',
  'Ceil',
  'ConstantOfShape',
  'EyeLike',
  'Floor',
  'OneHot',
  'Range',
  'Round',
  'Shape',
  'Sign',
  'Size',
]);

/** Whether a gradient passes the node. */
export function passesGradient(node: Node): boolean {
  return isOfOnnx(node) && gradientRules.has(node.opType);
}

/** Whether a gradient can pass the node, or none needs to. */
export function hasGradientRule(node: Node): boolean {
  return passesGradient(node) || (isOfOnnx(node) && withoutGradient.has(node.opType));
}

const isOfOnnx = ({ domain }: Node): boolean => domain === '' || domain === 'ai.onnx';
