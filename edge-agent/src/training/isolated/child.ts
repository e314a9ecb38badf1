/** The training process. */
import { setPriority } from 'node:os';
import { type ExampleSource, type Plan, plannedTraining, type TrainingSession } from '@starling/engine';
import { systemClock } from '../../adapters/system-clock.js';
import { serveAgent } from '../../isolation/in-own-process.js';
import type { FromChild, ToChild } from './messages.js';

let session: TrainingSession | undefined;
let features = new Float32Array(0);
let targets: Int32Array | Float32Array = new Float32Array(0);
let examples: ExampleSource | undefined;

const say = serveAgent<ToChild, FromChild>(handle);

async function handle(message: ToChild): Promise<void> {
  switch (message.kind) {
    case 'load': {
      // Before threads are made, which inherit it.
      setPriority(message.niceness);
      const plan = { manifest: message.manifest, files: message.files } as Plan;
      const { threads } = message;
      session = await plannedTraining.load(
        plan,
        threads === undefined ? {} : { threads, now: systemClock().monotonic },
      );
      return say({ kind: 'done' });
    }
    case 'examples': {
      const { count, featureElements, targetElements, targetType } = message;
      features = new Float32Array(count * featureElements);
      targets = new (targetType === 'int32' ? Int32Array : Float32Array)(count * targetElements);
      examples = source(count, featureElements, targetElements);
      return say({ kind: 'done' });
    }
    case 'rows': {
      const width = features.length / (examples?.count ?? 1);
      features.set(message.features, message.first * width);
      targets.set(message.targets, message.first * (targets.length / (examples?.count ?? 1)));
      return say({ kind: 'done' });
    }
    case 'train': {
      const { kind: _, ...options } = message;
      const result = await loaded().train({
        ...options,
        examples: given(),
        onProgress: (progress) => say({ kind: 'progress', ...progress }),
      });
      return say({ kind: 'trained', result });
    }
    case 'evaluate': {
      const { kind: _, ...options } = message;
      const metrics = await loaded().evaluate({ ...options, examples: given() });
      return say({ kind: 'evaluated', metrics });
    }
  }
}

function source(count: number, featureElements: number, targetElements: number): ExampleSource {
  const copy = (
    from: Float32Array | Int32Array,
    width: number,
    indices: Uint32Array,
    out: Float32Array | Int32Array,
  ): void => {
    for (let i = 0; i < indices.length; i++) {
      out.set(from.subarray(indices[i] * width, (indices[i] + 1) * width), i * width);
    }
  };
  return {
    count,
    rows: { values: features, locate: (indices, out) => out.set(indices) },
    readFeatures: (indices, out) => copy(features, featureElements, indices, out),
    readTargets: (indices, out) => copy(targets, targetElements, indices, out),
  };
}

function loaded(): TrainingSession {
  if (session === undefined) throw new Error('no plan is loaded');
  return session;
}

function given(): ExampleSource {
  if (examples === undefined) throw new Error('no examples were given');
  return examples;
}
