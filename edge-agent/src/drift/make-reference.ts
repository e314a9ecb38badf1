/** A reference from examples: their features as a model sees them, and the scores it gives them. */
import {
  elementCount,
  type FeatureContract,
  featureElements,
  sampleExamples,
} from '@starling/engine/examples';
import type { InferenceService } from '../inference/index.js';
import { scoreOf } from './monitor.js';
import { columnOf, type DriftReference } from './reference.js';

type ExampleSource = Parameters<typeof sampleExamples>[0];

/** More rows make the reference no better: quantiles by the hundredth are known to a thousandth then. */
const rowsMax = 10_000;
const batch = 64;
/** Values of one feature, of all rows; beyond, elements are taken at even distances. */
const valuesMax = 2_000_000;

/** @param model asked for the scores; a reference without a score where it is absent */
export async function makeDriftReference(
  contract: FeatureContract,
  examples: ExampleSource,
  model?: { readonly service: InferenceService; readonly name: string },
): Promise<DriftReference> {
  const source = examples.count > rowsMax ? sampleExamples(examples, rowsMax, 1) : examples;
  const width = featureElements(contract);
  let start = 0;
  const features = contract.features.map(({ name, shape }) => {
    const elements = elementCount(shape);
    const every = Math.max(1, Math.ceil((source.count * elements) / valuesMax));
    const feature = { name, start, elements, every, values: [] as number[] };
    start += elements;
    return feature;
  });
  const scores: number[] = [];
  let seen = 0;
  for (let first = 0; first < source.count; first += batch) {
    const rows = Math.min(batch, source.count - first);
    const data = new Float32Array(rows * width);
    source.readFeatures(
      Uint32Array.from({ length: rows }, (_, index) => first + index),
      data,
    );
    for (let row = 0; row < rows; row++) {
      for (const { start, elements, every, values } of features) {
        for (let element = 0; element < elements; element++) {
          if (seen++ % every === 0) values.push(data[row * width + start + element]);
        }
      }
    }
    if (model !== undefined) {
      const [{ name, dataType, shape }] = model.service.describe(model.name).inputs;
      const input = { name, dataType, shape: [rows, ...shape.slice(1)], data };
      const [output] = (await model.service.infer({ model: model.name, inputs: [input] })).outputs;
      for (let row = 0; row < rows; row++) scores.push(scoreOf(output, row));
    }
  }
  return {
    features: features.map(({ name, start, elements, values }) => ({
      ...columnOf(name, Float64Array.from(values)),
      start,
      elements,
    })),
    ...(scores.length === 0 ? {} : { score: columnOf('score', Float64Array.from(scores)) }),
    rows: source.count,
  };
}
