/** How much of a model a device must be sent that has the one of the round before, in the ways that there are. */
import { createHash } from 'node:crypto';
import {
  buildModel,
  compilePlan,
  exportModel,
  initializeParameters,
  namedModel,
  onnxruntimeTraining,
  quantizeModel,
  readMnist,
  readModel,
} from '@starling/engine';
import { makeDelta } from '@starling/federation';
import type { Benchmark, Figure } from '../figure.js';
import { rounded } from '../figure.js';
import { digitExamples } from '../quantization/digits.js';

const rounds = 4;
const trainCount = 12_000;
const blockBytes = 1024;

interface Forms {
  readonly int8: Uint8Array;
  readonly f32: Uint8Array;
}

export const releases: Benchmark = {
  summary: 'bytes that a delta saves between the models of two rounds of the 2NN on MNIST',
  options: [],
  async *run({ note }) {
    const digits = await readMnist('train');
    const model = namedModel('2nn');
    const plan = compilePlan(model, {
      loss: { kind: 'softmax-cross-entropy' },
      optimizer: { kind: 'sgd' },
      batchSize: 20,
    });
    const session = await onnxruntimeTraining.load(plan, { threads: 1 });
    const formsOf = async (parameters: Float32Array): Promise<Forms> => {
      const f32 = exportModel(plan, parameters);
      const { bytes } = await quantizeModel(readModel(f32), {
        method: 'static',
        ranges: { method: 'minmax' },
        examples: digitExamples(digits, trainCount, 1000),
        target: { kind: 'class', elements: 1 },
        qualityDropMax: 1,
      });
      return { int8: bytes, f32 };
    };
    let parameters = initializeParameters(buildModel(model), 7);
    let before: Forms | undefined;
    for (let round = 0; round < rounds; round++) {
      note(`round ${round + 1} of ${rounds} …`);
      const examples = digitExamples(digits, 0, trainCount);
      const { delta } = await session.train({
        parameters,
        examples,
        epochs: 1,
        learningRate: 0.05,
        seed: round,
      });
      parameters = parameters.map((value, at) => value + delta[at]);
      const forms = await formsOf(parameters);
      if (before !== undefined) {
        yield* figuresOf(`int8 round ${round} to ${round + 1}`, before.int8, forms.int8);
        yield* figuresOf(`f32 round ${round} to ${round + 1}`, before.f32, forms.f32);
      }
      before = forms;
    }
    await session.release();
    if (before === undefined) return;
    // The last layer, weights and bias, is the end of the parameters.
    const head = parameters.slice();
    for (let at = head.length - (200 * 10 + 10); at < head.length; at++) head[at] *= 1.02;
    const forms = await formsOf(head);
    yield* figuresOf('int8 last layer', before.int8, forms.int8);
    yield* figuresOf('f32 last layer', before.f32, forms.f32);
  },
};

function* figuresOf(name: string, before: Uint8Array, after: Uint8Array): Generator<Figure> {
  const share = (saved: number): number => rounded(saved / after.byteLength);
  const deltaBytes = makeDelta(before, after)?.byteLength ?? after.byteLength;
  const figure = { benchmark: 'releases', case: name, unit: 'share saved' };
  yield { ...figure, metric: 'delta', value: share(after.byteLength - deltaBytes) };
  yield { ...figure, metric: 'blocksOf1KiB', value: share(savedByBlocks(before, after)) };
}

/** Bytes of blocks that the model before has as well, anywhere at a multiple of their size. */
function savedByBlocks(before: Uint8Array, after: Uint8Array): number {
  const held = new Set(blocksOf(before).map(hashOf));
  return blocksOf(after)
    .filter((block) => held.has(hashOf(block)))
    .reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function blocksOf(bytes: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.byteLength / blockBytes) }, (_, block) =>
    bytes.subarray(block * blockBytes, (block + 1) * blockBytes),
  );
}

function hashOf(block: Uint8Array): string {
  return createHash('sha256').update(block).digest('hex');
}
