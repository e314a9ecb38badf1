/** The models that are served: the 2NN, as floats and in 8 bits. Its weights do not matter here. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildModel,
  calibrate,
  calibratedTensors,
  chooseRange,
  compilePlan,
  exportModel,
  initializeParameters,
  namedModel,
  prepare,
  quantizationPoints,
  quantizeStatic,
  readModel,
  writeModel,
} from '@starling/engine';
import { memoryExamples } from '../training/examples.js';

/** As exported models name it. */
export const inputName = 'features';
export const forms = ['f32', 'int8'] as const;

/** Writes `2nn-f32` and `2nn-int8`, or those of them that are named, each with a version 1, into a folder of models. */
export async function writeModels(
  folder: string,
  names: readonly string[] = forms.map((form) => `2nn-${form}`),
): Promise<void> {
  const definition = namedModel('2nn');
  const plan = compilePlan(definition, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 10,
  });
  const f32 = exportModel(plan, initializeParameters(buildModel(definition), 1));
  const prepared = prepare(readModel(f32));
  const points = quantizationPoints(prepared);
  const examples = memoryExamples(plan.manifest, 256);
  const sketches = await calibrate(prepared, calibratedTensors(points), examples);
  const ranges = new Map(
    [...sketches].map(([name, sketch]) => [name, chooseRange(sketch, { method: 'minmax' })]),
  );
  const int8 = writeModel(quantizeStatic(prepared, points, ranges));
  for (const [form, bytes] of [
    ['f32', f32],
    ['int8', int8],
  ] as const) {
    if (!names.includes(`2nn-${form}`)) continue;
    const version = join(folder, `2nn-${form}`, '1');
    await mkdir(version, { recursive: true });
    await writeFile(join(version, 'model.onnx'), bytes);
  }
}

export function modelPath(folder: string, form: (typeof forms)[number]): string {
  return join(folder, `2nn-${form}`, '1', 'model.onnx');
}
