/** What is learned in the hall, and what each gateway is told: as an operator and a device engineer would write it. */

import { samplingHz, type Windows, windowSize, windowStride } from './plant.js';
import { axes, conditions } from './vibration.js';

export const taskName = 'vibration';
export const modelName = 'vibration';

const features = axes.map((name) => ({
  name,
  dataType: 'float32',
  shape: [windowSize],
  range: [-64, 64],
}));
const target = { kind: 'class', name: 'condition', classes: conditions.length };

const conv = (filters: number, kernelSize: number): object => ({
  kind: 'conv1d',
  filters,
  kernelSize,
  padding: 'same',
});
const relu = { kind: 'relu' };
const pool = { kind: 'maxPool1d', poolSize: 2 };

/** A 1-D CNN of 27,000 parameters: what is learned is the same wherever in the window a hit falls. */
export const hallModel = {
  kind: 'sequential',
  inputShape: [axes.length, windowSize],
  layers: [
    ...[conv(16, 9), relu, pool],
    ...[conv(32, 5), relu, pool],
    { kind: 'flatten' },
    ...[{ kind: 'dense', units: 24 }, relu],
    { kind: 'dense', units: conditions.length },
  ],
};

export interface TaskSettings {
  readonly gateways: number;
  readonly rounds: number;
  /** Folder of windows that the coordinator measures every round on. */
  readonly heldOut: string;
}

export function hallTask({ gateways, rounds, heldOut }: TaskSettings): object {
  return {
    name: taskName,
    description: 'Conditions of motors, from vibration that never leaves its gateway',
    model: hallModel,
    contract: { features, target },
    training: {
      loss: 'softmax-cross-entropy',
      optimizer: { kind: 'adam' },
      batchSize: 32,
      epochs: 2,
      learningRate: 0.002,
      examplesMax: 1500,
    },
    strategy: { kind: 'fedavg' },
    secureAggregation: {
      encoding: { bits: 10, clipNorm: 6, rotation: { kind: 'hadamard' } },
      answersGraceMs: 500,
    },
    cohort: { size: gateways, minimum: gateways },
    deadlines: { recruitMs: 60_000, recruitGraceMs: 500, collectMs: 60_000, collectProgressMs: 30_000 },
    evaluation: { central: { examples: heldOut } },
    stop: { rounds },
  };
}

/** The contract of a gateway's recordings: samples become windows, and labels come later, for a span of time. */
export function hallRecording(): object {
  return {
    features,
    target,
    window: { size: windowSize, stride: windowStride, samplingHz },
    labels: { join: 'time', withinHours: 1 },
    retention: { megabytes: 64, days: 1 },
  };
}

export const topicsOf = (gateway: string, motor: string) =>
  ({
    samples: `hall/${gateway}/${motor}/vibration`,
    labels: `hall/${gateway}/${motor}/condition`,
    question: `hall/${gateway}/${motor}/question`,
    answer: `hall/${gateway}/${motor}/diagnosis`,
  }) as const;

export interface GatewaySettings {
  readonly name: string;
  readonly coordinator: string;
  readonly sensorBroker: string;
}

/** The configuration file of a gateway; paths are meant from where it lies. */
export function gatewayConfiguration({ name, coordinator, sensorBroker }: GatewaySettings): object {
  const topics = topicsOf(name, '{motor}');
  return {
    coordinator,
    state: 'state',
    deviceId: name,
    ingestion: {
      broker: { url: sensorBroker },
      recordings: {
        [taskName]: {
          contract: 'recording.yaml',
          mqtt: [
            { topic: topics.samples, format: 'csv' },
            { topic: topics.labels, format: 'json', carries: 'labels' },
          ],
        },
      },
    },
    inference: {
      models: 'models',
      mqtt: [{ topic: topics.question, model: modelName, format: 'f32', answer: topics.answer }],
    },
    training: { niceness: 10 },
    conditions: { inferenceP99MsMax: 250 },
    telemetry: { metricsSeconds: 1 },
    releases: { reportSecondsMax: 1 },
  };
}

/** A folder of examples, as CSV, that the coordinator evaluates on. */
export function examplesCsv({ features: values, labels }: Windows): string {
  const width = axes.length * windowSize;
  const columns = axes.flatMap((name) => Array.from({ length: windowSize }, (_, at) => `${name}.${at}`));
  const rows = Array.from(labels, (label, at) =>
    [...Array.from(values.subarray(at * width, (at + 1) * width), (value) => value.toFixed(4)), label].join(
      ',',
    ),
  );
  return `${[...columns, target.name].join(',')}\n${rows.join('\n')}\n`;
}
