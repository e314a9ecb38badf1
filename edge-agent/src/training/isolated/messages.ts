/** What the agent and its training process say to each other. */
import type { MetricSums, TrainResult } from '@starling/engine';

export type ToChild =
  | {
      readonly kind: 'load';
      readonly manifest: unknown;
      readonly files: ReadonlyMap<string, Uint8Array>;
      readonly threads: number | undefined;
      readonly niceness: number;
    }
  | {
      readonly kind: 'examples';
      readonly count: number;
      readonly featureElements: number;
      readonly targetElements: number;
      readonly targetType: 'int32' | 'float32';
    }
  | {
      readonly kind: 'rows';
      readonly first: number;
      readonly features: Float32Array;
      readonly targets: Int32Array | Float32Array;
    }
  | {
      readonly kind: 'train';
      readonly parameters: Float32Array;
      readonly local?: Float32Array;
      readonly epochs: number;
      readonly learningRate: number;
      readonly seed: number;
    }
  | { readonly kind: 'evaluate'; readonly parameters: Float32Array; readonly local?: Float32Array };

export type FromChild =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'progress';
      readonly stepsDone: number;
      readonly stepsTotal: number;
      readonly loss: number;
    }
  | { readonly kind: 'trained'; readonly result: TrainResult }
  | { readonly kind: 'evaluated'; readonly metrics: MetricSums };
