/** Between the thread that directs and its workers. */

export interface TrainMessage {
  readonly kind: 'train';
  readonly round: number;
  readonly jobs: number;
  readonly learningRate: number;
  /** Number of the commit that each slot holds, so that a worker copies what changed and nothing else. */
  readonly slotVersions: readonly number[];
  /** The slot that the update will be applied to. */
  readonly currentSlot: number;
  readonly rotationSeed: Uint8Array;
  /** The hostile client that speaks for all sybils. */
  readonly speaker: number;
}

export interface EvaluateMessage {
  readonly kind: 'evaluate';
  readonly jobs: number;
  readonly slot: number;
  readonly version: number;
  /** Test examples in blocks; clients' own examples; or test examples with the backdoor's trigger. */
  readonly what: 'test' | 'clients' | 'backdoor';
  readonly round: number;
  readonly learningRate: number;
  /** Block of test examples that the first job is. */
  readonly firstBlock: number;
}

export type WorkerMessage = TrainMessage | EvaluateMessage | { readonly kind: 'close' };

export type WorkerAnswer =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'done';
      /** Largest |weight·delta| of the updates, summed; see the accumulator. */
      readonly magnitudeBound: number;
      readonly extraBound: number;
    }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string };
