import { expect, test } from 'vitest';
import { GraphBuilder, graphAttribute, int, tensorOf } from '../onnx/index.js';
import { evaluate } from '../testing/reference-evaluator.js';
import { AutodiffError, differentiate } from './index.js';

test('a value used many times gets the sum of its gradients', () => {
  const b = new GraphBuilder();
  const x = b.initializer('x', tensorOf('float32', [], [3]));
  // x³ + 2x, whose derivative at 3 is 29.
  const loss = b.op('Add', [b.op('Mul', [x, b.op('Mul', [x, x])]), b.op('Add', [x, x])]);
  const [gradient] = differentiate(b, { loss, withRespectTo: [x] });
  expect(evaluate(b.graph(), new Map()).get(gradient.name)?.data).toEqual(Float64Array.of(29));
});

test('a factor of the loss gradient is a factor of every gradient', () => {
  const b = new GraphBuilder();
  const x = b.initializer('x', tensorOf('float32', [], [3]));
  const lossGradient = b.scalar(-0.5);
  const [gradient] = differentiate(b, { loss: b.op('Mul', [x, x]), withRespectTo: [x], lossGradient });
  expect(evaluate(b.graph(), new Map()).get(gradient.name)?.data).toEqual(Float64Array.of(-3));
});

test('a value that the loss does not depend on gets zeros', () => {
  const b = new GraphBuilder();
  const [x, y] = [b.input('x', 'float32', [1]), b.initializer('y', tensorOf('float32', [2], [1, 2]))];
  const [, gradient] = differentiate(b, { loss: b.op('Exp', [x]), withRespectTo: [x, y] });
  expect(gradient.shape).toEqual([2]);
});

test('a loss that is no scalar, or depends on nothing named, is refused', () => {
  const b = new GraphBuilder();
  const [x, y] = [b.input('x', 'float32', [2]), b.input('y', 'float32', [])];
  const request = expect.objectContaining({ code: 'autodiff/request' });
  expect(() => differentiate(b, { loss: b.op('Exp', [x]), withRespectTo: [x] })).toThrow(request);
  expect(() => differentiate(b, { loss: b.op('Exp', [y]), withRespectTo: [x] })).toThrow(request);
});

test('an operator without a rule is named with its node and what to do', () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', []);
  const loss = b.op('Hardmax', [x], {}, { name: 'activation' });
  expect(() => differentiate(b, { loss, withRespectTo: [x] })).toThrow(
    expect.objectContaining({
      code: 'autodiff/no-rule',
      message: expect.stringMatching(/activation \(Hardmax\).*add a rule/),
    }),
  );
});

test('an operator without a rule is no obstacle where no gradient passes', () => {
  const b = new GraphBuilder();
  const [x, w] = [b.input('x', 'float32', []), b.initializer('w', tensorOf('float32', [], [2]))];
  const loss = b.op('Mul', [b.op('Hardmax', [x]), w]);
  expect(differentiate(b, { loss, withRespectTo: [w] })).toHaveLength(1);
});

test('a parameter used inside a loop body is refused', () => {
  const b = new GraphBuilder();
  const w = b.input('w', 'float32', []);
  const body = b.subgraph('body');
  body.output(body.op('Mul', [body.input('x', 'float32', []), w]));
  const xs = b.input('xs', 'float32', [3]);
  const ys = b.op('Scan', [xs], { body: graphAttribute(body.graph()), num_scan_inputs: int(1) });
  const loss = b.op('Mul', [w, b.op('ReduceSum', [ys], { keepdims: int(0) })]);
  expect(() => differentiate(b, { loss, withRespectTo: [w] })).toThrow(AutodiffError);
});
