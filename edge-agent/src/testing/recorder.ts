/** A recorder of the task `t` over a database in a temporary folder, for a test. */
import { createVirtualClock, type VirtualClock } from '@starling/federation';
import { onTestFinished } from 'vitest';
import { unpackFeatures } from '../examples/packing.js';
import { createRecorder, type ExampleFollower, type Recorder } from '../examples/recorder.js';
import { readRecording } from '../examples/recording.js';
import { type ExampleStore, openExampleStore } from '../examples/store.js';
import { agentMigrations } from '../migrations.js';
import { type AgentDatabase, openAgentDatabase } from '../state/database.js';
import { temporaryFolder } from './small-task.js';

export interface TestRecorderOptions {
  /** Where its database is, or was left by another. */
  readonly folder?: string;
  readonly clock?: VirtualClock;
  readonly follower?: ExampleFollower;
  /** Durability has tests of its own, and thousands of flushes would be most of a test with thousands of payloads. */
  readonly isHasty?: boolean;
}

export interface TestRecorder {
  readonly recorder: Recorder;
  readonly store: ExampleStore;
  readonly database: AgentDatabase;
  readonly clock: VirtualClock;
}

export async function testRecorder(
  recording: object,
  { folder, follower, isHasty = false, clock = createVirtualClock(1_000_000) }: TestRecorderOptions = {},
): Promise<TestRecorder> {
  const database = openAgentDatabase(folder ?? (await temporaryFolder()), agentMigrations);
  onTestFinished(() => void database.close());
  if (isHasty) database.pragma('synchronous = OFF');
  const store = openExampleStore(database);
  const recorder = createRecorder(readRecording('t', recording, 't.yaml'), store, clock, follower);
  return { recorder, store, database, clock };
}

/** Of one feature from -1 to 1, whose labels come by id. */
export const joinedRecorder = (): Promise<TestRecorder> =>
  testRecorder({
    features: [{ name: 'x', dataType: 'float32', shape: [], range: [-1, 1] }],
    target: { kind: 'class', name: 'side', classes: 2 },
    labels: { join: 'id' },
  });

/** Two features, joined by id where it is told: what hostile payloads are thrown at. */
export const hostileTarget = {
  features: [
    { name: 'x', dataType: 'float32', shape: [], range: [-1, 1] },
    { name: 'p', dataType: 'float32', shape: [2], range: [-9, 9] },
  ],
  target: { kind: 'class', name: 'side', classes: 2 },
  labels: { join: 'id' },
};

/** How many rows were refused, of whatever reason. */
export const refusedRows = (store: ExampleStore): number =>
  Object.values(store.statistics('t').quarantined).reduce((sum, count) => sum + count, 0);

/** Values of each feature and label of all that is stored, oldest first. */
export const storedValues = ({ recorder, store }: Pick<TestRecorder, 'recorder' | 'store'>) =>
  [...store.examples('t', 'all')].map(({ features, label }) => ({
    values: unpackFeatures(recorder.recording.contract, features).map((values) => [...values]),
    label: label && [...label],
  }));

/** A payload: text as it is, anything else as JSON. */
export const payloadOf = (value: unknown): Uint8Array =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
