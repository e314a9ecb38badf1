/** Who holds what, as workers are given it: plain data over shared memory. */
import type { ExampleSource } from '@starling/engine';
import { clientIndices, type Partition } from '../partitions/index.js';
import { ClientExamples, type SharedExamples } from './examples.js';
import { SyntheticExamples, type SyntheticSettings } from './synthetic.js';

export type Fleet =
  | {
      readonly kind: 'shared';
      readonly examples: SharedExamples;
      readonly partition: Partition;
      /** Share of each client's examples that is kept from training; they are its last ones. */
      readonly holdout: number;
    }
  | { readonly kind: 'synthetic'; readonly settings: SyntheticSettings };

export function fleetClients(fleet: Fleet): number {
  return fleet.kind === 'shared' ? fleet.partition.clients : fleet.settings.clients;
}

/** Number of examples that a client trains on. */
export function trainingCount(fleet: Fleet, client: number): number {
  if (fleet.kind === 'synthetic') return fleet.settings.examples;
  const { offsets } = fleet.partition;
  return trainingShare(offsets[client + 1] - offsets[client], fleet.holdout);
}

/** A client with one example trains on it, whatever the share. */
function trainingShare(count: number, holdout: number): number {
  return Math.max(Math.min(count, 1), count - Math.floor(count * holdout));
}

/** One worker's view of the fleet: a source that becomes one client after the other. */
export interface FleetReader {
  /** The examples a client trains on, valid until the next is asked for; the first `most` of them where that is not 0. */
  training(client: number, most: number): ExampleSource;
  /** Those it holds out; may be none. */
  heldOut(client: number): ExampleSource;
}

export function fleetReader(fleet: Fleet): FleetReader {
  if (fleet.kind === 'synthetic') {
    const source = new SyntheticExamples(fleet.settings);
    return {
      training: (client, most) => source.select(client, most),
      heldOut: () => {
        throw new RangeError('synthetic clients hold nothing out');
      },
    };
  }
  const { examples, partition, holdout } = fleet;
  const source = new ClientExamples(examples);
  return {
    training(client, most) {
      const own = clientIndices(partition, client);
      const count = trainingShare(own.length, holdout);
      return source.select(own.subarray(0, most > 0 ? Math.min(most, count) : count));
    },
    heldOut(client) {
      const own = clientIndices(partition, client);
      return source.select(own.subarray(trainingShare(own.length, holdout)));
    },
  };
}
