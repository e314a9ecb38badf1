/** Everything that records examples on this device, put together from its configuration. */
import type { Clock } from '@starling/federation';
import type { Log } from '../connection/shell.js';
import { AgentError } from '../errors.js';
import type { BrokerSettings } from '../sensor-broker/index.js';
import type { AgentDatabase } from '../state/database.js';
import { sourceOfStored } from './packing.js';
import type { PayloadFormat } from './payload-formats.js';
import { createRecorder, type ExampleFollower, type Recorder } from './recorder.js';
import { readRecordingFile } from './recording-file.js';
import type { MqttSubscription, Source } from './sources/mqtt.js';
import { type ExampleStore, openExampleStore } from './store.js';
import type { RecordedExamples } from './task-examples.js';

export interface RecordingConfiguration {
  /** YAML file with the contract. */
  readonly contract: string;
  readonly mqtt?:
    | readonly {
        readonly topic: string;
        readonly format: PayloadFormat;
        readonly carries?: 'examples' | 'labels' | undefined;
      }[]
    | undefined;
  /** Folder whose files are taken. */
  readonly files?: string | undefined;
}

export interface IngestionConfiguration {
  readonly recordings: ReadonlyMap<string, RecordingConfiguration>;
  readonly broker?: BrokerSettings | undefined;
  /** `host:port` that takes examples over HTTP. */
  readonly http?: string | undefined;
}

export interface IngestionOptions extends IngestionConfiguration {
  readonly database: AgentDatabase;
  /** Names this device to the broker. */
  readonly clientId: string;
  readonly follower?: ExampleFollower | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Ingestion {
  readonly store: ExampleStore;
  readonly recorders: ReadonlyMap<string, Recorder>;
  /** For training. */
  readonly recorded: RecordedExamples;
  readonly addresses: { readonly examples?: string };
  close(): Promise<void>;
}

const retainEveryMs = 3_600_000;

/** @throws AgentError `agent/configuration` */
export async function startIngestion(options: IngestionOptions): Promise<Ingestion> {
  const { database, clock, log, broker } = options;
  const store = openExampleStore(database);
  const recorders = new Map<string, Recorder>();
  const sources: Source[] = [];
  const subscriptions: MqttSubscription[] = [];
  const close = async (): Promise<void> => {
    retention.cancel();
    for (const source of sources.splice(0).reverse()) await source.close();
  };
  /** A full disk is no reason to stop, nor not to start: this device may serve models, and there may be room again. */
  const retainOf = (recorder: Recorder): void => {
    try {
      recorder.retain();
    } catch (error) {
      const { task } = recorder.recording;
      log.warn(
        { task, error: String(error) },
        'Examples that are too old or too many cannot be removed; make room on the disk of the state directory.',
      );
    }
  };
  const retain = (): void => {
    for (const recorder of recorders.values()) retainOf(recorder);
    retention = clock.schedule(retainEveryMs, retain);
  };
  let retention = clock.schedule(retainEveryMs, retain);
  try {
    for (const [task, { contract, mqtt = [], files }] of options.recordings) {
      const recording = await readRecordingFile(task, contract);
      const recorder = createRecorder(recording, store, clock, options.follower);
      retainOf(recorder);
      recorders.set(task, recorder);
      for (const { topic, format, carries = 'examples' } of mqtt) {
        subscriptions.push({ topic, format, carries, recorder });
      }
      if (files !== undefined) {
        const { openFilesSource } = await import('./sources/files.js');
        sources.push(await openFilesSource({ folder: files, recorder, clock, log }));
      }
    }
    if (subscriptions.length > 0) {
      if (broker === undefined) {
        throw new AgentError(
          'agent/configuration',
          'There are topics but no broker; say "ingestion.broker.url" in the configuration file.',
        );
      }
      const { openMqttSource } = await import('./sources/mqtt.js');
      sources.push(
        await openMqttSource({ ...broker, clientId: options.clientId, subscriptions, clock, log }),
      );
    }
    let addresses: { examples?: string } = {};
    if (options.http !== undefined) {
      const { openHttpSource } = await import('./sources/http.js');
      const at = options.http.lastIndexOf(':');
      const [host, port] = [
        options.http.slice(0, at).replace(/^\[|\]$/g, ''),
        Number(options.http.slice(at + 1)),
      ];
      const onInternalError = (error: unknown): void =>
        log.error({ error: String(error) }, 'Examples could not be stored.');
      const source = await openHttpSource({ host, port, recorders, clock, onInternalError });
      sources.push(source);
      addresses = { examples: source.address };
    }
    return { store, recorders, recorded: recordedExamples(store, [...recorders.keys()]), addresses, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function recordedExamples(store: ExampleStore, taskNames: readonly string[]): RecordedExamples {
  return {
    taskNames,
    revision: (task) => store.revision(task),
    open: (task, contract) =>
      sourceOfStored(contract, store.examples(task, 'labelled'), `the recorded examples of ${task}`),
  };
}
