/** What runs on a device besides training: serving, and what feeds on it. Each part only where it is configured. */
import type { Clock } from '@starling/federation';
import { systemEntropy } from './adapters/system-entropy.js';
import type { Log } from './connection/shell.js';
import type { DriftEvent, DriftSettings } from './drift/index.js';
import type { Ingestion, IngestionConfiguration } from './examples/ingestion.js';
import { defaultInferenceSettings, type InferenceSettings, type Serving } from './inference/index.js';
import type { MqttQuestions } from './inference/mqtt/door.js';
import type { Results, ResultsConfiguration } from './inference/mqtt/results.js';
import type { DeviceReleases, ReleasesConfiguration } from './releases/index.js';
import type { BrokerSettings } from './sensor-broker/index.js';
import { deviceId } from './state/device-id.js';
import type { OwnedDatabase } from './state/owned-database.js';

export interface ServingConfiguration {
  /** Folder with `NAME/VERSION/model.onnx`. */
  readonly models: string;
  /** `host:port` of the HTTP door; none where it is absent. */
  readonly http?: string | undefined;
  /** `host:port` of the gRPC door; none where it is absent. */
  readonly grpc?: string | undefined;
  readonly mqtt?: MqttQuestionsConfiguration | undefined;
  /** Of what is recorded; needs `ingestion`. */
  readonly results?: MqttResultsConfiguration | undefined;
  readonly settings?: Partial<InferenceSettings> | undefined;
  readonly bodyBytesMax?: number | undefined;
}

export interface MqttQuestionsConfiguration {
  readonly broker: BrokerSettings;
  readonly questions: readonly MqttQuestions[];
}

export interface MqttResultsConfiguration {
  readonly broker: BrokerSettings;
  readonly results: readonly ResultsConfiguration[];
}

export interface ServicesOptions {
  readonly ingestion?: IngestionConfiguration | undefined;
  /** The device's; needed where there is ingestion, and locked by who starts this. */
  readonly stateFolder?: string | undefined;
  /** Where examples are kept; needed where there is ingestion, and closed by who starts this, afterwards. */
  readonly database?: OwnedDatabase | undefined;
  readonly inference?: ServingConfiguration | undefined;
  readonly drift?: Partial<DriftSettings> | undefined;
  /** Takes over what is released to this device; needs `inference` and `stateFolder`. */
  readonly releases?: ReleasesConfiguration | undefined;
  /** Told of drift besides the log. */
  readonly onDrift?: ((event: DriftEvent) => void) | undefined;
  readonly deviceId?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Services {
  readonly serving: Serving | undefined;
  readonly ingestion: Ingestion | undefined;
  /** To be told whom to follow. */
  readonly releases: DeviceReleases | undefined;
  /** Ends them in the reverse order of their start. */
  stop(): Promise<void>;
}

/** Starts what is configured; where one part cannot start, those before it end again. */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const { inference, ingestion: recordings, stateFolder, clock, log } = options;
  const ends: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    let serving: Serving | undefined;
    let releases: DeviceReleases | undefined;
    let ingestion: Ingestion | undefined;
    // A release is tried on recorded examples: not before they can be read.
    let isReady = (): void => {};
    const ready = new Promise<void>((resolve) => {
      isReady = resolve;
    });
    ends.push(async () => isReady());
    if (inference !== undefined) {
      // Loaded where it is used: ONNX Runtime is half of a serving agent's memory.
      const { startServing } = await import('./inference/serve.js');
      serving = await startServing({
        ...inference,
        modelsFolder: inference.models,
        clock,
        log,
        async prepare(service, directory) {
          if (options.releases === undefined || stateFolder === undefined) return;
          const { startReleases } = await import('./releases/start.js');
          const { labelledRows } = await import('./releases/labelled-rows.js');
          releases = await startReleases({
            ...options.releases,
            stateFolder,
            service,
            directory,
            settings: { ...defaultInferenceSettings, ...inference.settings },
            async labelled(task) {
              await ready;
              const recorder = ingestion?.recorders.get(task);
              return ingestion && recorder && labelledRows(ingestion.store, recorder.recording);
            },
            async recording(task) {
              await ready;
              return ingestion?.recorders.get(task)?.recording;
            },
            clock,
            entropy: systemEntropy(),
            log,
          });
        },
      });
      ends.push(serving.close);
      if (releases !== undefined) ends.push(releases.close);
      log.info(serving.addresses, describeDoors(serving));
      if (inference.mqtt !== undefined) {
        const { openMqttDoor } = await import('./inference/mqtt/door.js');
        const entropy = systemEntropy();
        // Who only serves has no name of its own; a broker wants one that nobody else has.
        const name =
          stateFolder === undefined ? undefined : await deviceId(stateFolder, options.deviceId, entropy);
        const clientId = `${name ?? `starling-${Buffer.from(entropy.bytes(6)).toString('hex')}`}-models`;
        const door = await openMqttDoor(serving.service, { ...inference.mqtt, clientId, log });
        ends.push(door.close);
        const models = [...new Set(inference.mqtt.questions.map(({ model }) => model))];
        log.info({ models }, `Questions to ${models.join(', ')} are answered over MQTT.`);
      }
    }
    if (serving !== undefined) {
      const { defaultDriftSettings } = await import('./drift/monitor.js');
      const { watchDrift } = await import('./drift/watch.js');
      // A warning, so that telemetry takes it along.
      const tell = (event: DriftEvent): void =>
        log.warn(
          { ...event },
          `${event.column} of ${event.model}, version ${event.version}, has ${event.state} (stability index ${event.stabilityIndex.toFixed(2)}).`,
        );
      const { service, directory } = serving;
      const folderOf = (model: string, version: string): string =>
        releases?.folder(model, version) ?? directory.folder(model, version);
      const settings = { ...defaultDriftSettings, ...options.drift };
      const end = watchDrift(service, folderOf, settings, log, (event) => {
        tell(event);
        if (event.column === 'score' && event.state === 'drifted') {
          releases?.drifted(event.model, event.version, event.stabilityIndex);
        }
        options.onDrift?.(event);
      });
      ends.push(async () => end());
    }
    if (recordings !== undefined && stateFolder !== undefined && options.database !== undefined) {
      const { startIngestion } = await import('./examples/ingestion.js');
      const database = await options.database.handle();
      const clientId = await deviceId(stateFolder, options.deviceId, systemEntropy());
      const results = serving && (await publishResults(serving, options, `${clientId}-results`));
      if (results !== undefined) ends.push(results.close);
      const follower = results?.follower;
      ingestion = await startIngestion({ ...recordings, database, clientId, follower, clock, log });
      ends.push(ingestion.close);
      log.info(
        { ...ingestion.addresses, tasks: [...ingestion.recorders.keys()] },
        `Records examples of ${[...ingestion.recorders.keys()].join(', ')}.`,
      );
    }
    isReady();
    return { serving, ingestion, releases, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function publishResults(
  { service }: Serving,
  { inference, ingestion, clock, log }: ServicesOptions,
  clientId: string,
): Promise<Results | undefined> {
  const { results, mqtt } = inference ?? {};
  if (results === undefined) return undefined;
  const { openResults } = await import('./inference/mqtt/results.js');
  const subscribed = [...(ingestion?.recordings.values() ?? [])].flatMap((recording) => recording.mqtt ?? []);
  const taken = [...subscribed, ...(mqtt?.questions ?? [])].map(({ topic }) => topic);
  return openResults(service, { ...results, clientId, taken, clock, log });
}

function describeDoors({ addresses, service }: Serving): string {
  const doors = Object.entries(addresses).map(([kind, address]) => `${kind} ${address}`);
  return `${service.models.length} models are served at ${doors.join(', ') || 'no door'}.`;
}
