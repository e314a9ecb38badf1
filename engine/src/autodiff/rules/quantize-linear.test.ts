/** Straight-through gradients against PyTorch's fake quantization: generate-fake-quantize.py says how they were made. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { GraphBuilder, int, tensorOf, writeModel } from '../../onnx/index.js';
import { differentiate } from '../index.js';

const oracles = join(dirname(fileURLToPath(import.meta.url)), '../../../../test/oracles');

interface Case {
  readonly name: string;
  readonly scales: number[];
  readonly zeros: number[];
  readonly x: number[][];
  readonly y: number[][];
  readonly dy: number[][];
  readonly dx: number[][];
}
const cases: Case[] = JSON.parse(readFileSync(join(oracles, 'fake-quantize.json'), 'utf8'));

test.each(cases.map((one) => [one.name, one] as const))(
  '%s rounds and passes gradients as PyTorch does',
  async (name, one) => {
    const b = new GraphBuilder();
    const axes = one.scales.length === 1 ? [] : [one.scales.length];
    const x = b.input('x', 'float32', [4, 3]);
    const scale = b.constant(tensorOf('float32', axes, one.scales));
    const zero = b.constant(tensorOf(name.startsWith('uint8') ? 'uint8' : 'int8', axes, one.zeros));
    const quantized = b.op('QuantizeLinear', [x, scale, zero], { axis: int(1) });
    const y = b.op('DequantizeLinear', [quantized, scale, zero], { axis: int(1) });
    const lossGradient = b.constant(tensorOf('float32', [4, 3], one.dy.flat()));
    const [dx] = differentiate(b, { loss: y, withRespectTo: [x], lossGradient });
    b.output(y, 'y');
    b.output(dx, 'dx');
    const session = await InferenceSession.create(writeModel(b.build()));
    const results = await session.run({ x: new Tensor('float32', Float32Array.from(one.x.flat()), [4, 3]) });
    await session.release();
    for (const key of ['y', 'dx'] as const) {
      [...(results[key].data as Float32Array)].forEach((value, i) => {
        expect(value, key).toBeCloseTo(one[key].flat()[i], 5);
      });
    }
    // Some values are clipped and some are not, or nothing was shown.
    const passed = one.dx.flat().filter((value) => value !== 0).length;
    expect(passed).toBeGreaterThan(0);
  },
);
