/** Something that trains: ours, a bare graph, or a peer in a process of its own. */
export interface Contender {
  /** With its version. */
  readonly name: string;
  /** Milliseconds a step, over that many steps. */
  measure(steps: number): Promise<number>;
  close(): Promise<void>;
}

export interface Setting {
  readonly model: string;
  readonly threads: number;
  readonly batchSize: number;
  /** Of which every contender takes shuffled batches. */
  readonly exampleCount: number;
}
