/**
 * The models this device serves. Versions of a model are loaded beside each other; one of them serves whoever names
 * none, and changes hands between two requests: loading, trying and replacing never leave a gap.
 */
import { loadTensorSession, RuntimeError, type TensorSpec } from '@starling/engine/serving';
import type { Clock } from '@starling/federation';
import { type Batcher, createBatcher } from './batcher.js';
import { InferenceError } from './errors.js';
import { type LatencySnapshot, latencyHistogram } from './histogram.js';
import { type InferRequest, type InferResponse, matchInputs } from './request.js';
import { warmUp } from './warm-up.js';

export interface InferenceSettings {
  /** Threads inside one operator; 1 unless told. */
  readonly threads: number;
  /** Most examples of one run; 1 turns batching off. */
  readonly batchRowsMax: number;
  /** Longest that a run of many may take, in milliseconds. */
  readonly batchRunMsMax: number;
  /** How long a request may wait for others to join it, in milliseconds; 0 joins only what has arrived. */
  readonly batchWaitMsMax: number;
  /** Most requests that wait for one model. */
  readonly queueMax: number;
}

export const defaultInferenceSettings: InferenceSettings = {
  threads: 1,
  batchRowsMax: 64,
  batchRunMsMax: 2,
  batchWaitMsMax: 0,
  queueMax: 256,
};

export interface ModelDescription {
  readonly name: string;
  /** Every version that is loaded, oldest first. */
  readonly versions: readonly string[];
  readonly version: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

export interface ModelStatistics {
  readonly model: string;
  readonly version: string;
  readonly serving: boolean;
  readonly requests: number;
  readonly failures: number;
  readonly overloads: number;
  readonly runs: number;
  readonly rows: number;
  /** Most examples that share a run. */
  readonly batchRows: number;
  /** From the call to its answer, in process. */
  readonly latency: LatencySnapshot;
}

export interface InferenceService {
  /**
   * Loads a version and warms it up; it answers whoever names it, and serves everybody once it is activated.
   *
   * @throws InferenceError `inference/model-invalid`
   */
  load(name: string, version: string, model: Uint8Array): Promise<void>;
  /** Makes a loaded version the serving one. @throws InferenceError `inference/model-not-found` */
  activate(name: string, version: string): void;
  /** Answers what waits for a version and frees it; harmless where it is gone. */
  unload(name: string, version: string): Promise<void>;
  readonly models: readonly string[];
  /** @throws InferenceError `inference/model-not-found` */
  describe(name: string, version?: string): ModelDescription;
  isReady(name: string, version?: string): boolean;
  /** @throws InferenceError, RuntimeError `runtime/input` */
  infer(request: InferRequest): Promise<InferResponse>;
  statistics(): readonly ModelStatistics[];
  /** Told of every answer, for drift and conditions; must be quick and must not throw. Gives its end. */
  observe(observer: InferenceObserver): () => void;
  close(): Promise<void>;
}

export type InferenceObserver = (request: InferRequest, response: InferResponse, latencyMs: number) => void;

interface Loaded {
  readonly version: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly batcher: Batcher;
  readonly batchRows: number;
  readonly latency: ReturnType<typeof latencyHistogram>;
  readonly counts: { requests: number; failures: number; overloads: number };
  release(): Promise<void>;
}

interface Model {
  readonly versions: Map<string, Loaded>;
  serving: string | undefined;
}

export function createInferenceService(
  clock: Clock,
  settings: InferenceSettings = defaultInferenceSettings,
): InferenceService {
  const models = new Map<string, Model>();
  const observers = new Set<InferenceObserver>();

  const find = (name: string, version: string | undefined): Loaded => {
    const model = models.get(name);
    const chosen = version === undefined || version === '' ? model?.serving : version;
    const loaded = chosen === undefined ? undefined : model?.versions.get(chosen);
    if (loaded === undefined) {
      const what = version ? `version ${JSON.stringify(version.slice(0, 80))} of the model` : 'model';
      throw new InferenceError(
        'inference/model-not-found',
        `There is no ${what} ${JSON.stringify(name.slice(0, 80))} here; GET /v2/models lists what there is.`,
      );
    }
    return loaded;
  };

  const ask = async (loaded: Loaded, request: InferRequest): Promise<InferResponse> => {
    const startMs = clock.monotonic();
    loaded.counts.requests += 1;
    try {
      const inputs = matchInputs(loaded.inputs, request.inputs);
      const outputs = await loaded.batcher.infer(inputs);
      const latencyMs = clock.monotonic() - startMs;
      loaded.latency.record(latencyMs);
      const response = { model: request.model, version: loaded.version, outputs };
      for (const observer of observers) observer(request, response, latencyMs);
      return response;
    } catch (error) {
      const overloaded = error instanceof InferenceError && error.code === 'inference/overloaded';
      if (overloaded) loaded.counts.overloads += 1;
      else loaded.counts.failures += 1;
      throw error;
    }
  };

  return {
    async load(name, version, bytes) {
      const loaded = await loadModel(name, version, bytes, clock, settings);
      const model = models.get(name) ?? { versions: new Map(), serving: undefined };
      models.set(name, model);
      const before = model.versions.get(version);
      model.versions.set(version, loaded);
      await before?.release();
    },
    activate(name, version) {
      find(name, version);
      const model = models.get(name);
      if (model !== undefined) model.serving = version;
    },
    async unload(name, version) {
      const model = models.get(name);
      const loaded = model?.versions.get(version);
      model?.versions.delete(version);
      if (model?.serving === version) model.serving = undefined;
      if (model?.versions.size === 0) models.delete(name);
      await loaded?.release();
    },
    get models() {
      return [...models.keys()];
    },
    describe(name, version) {
      const { version: found, inputs, outputs } = find(name, version);
      const versions = [...(models.get(name)?.versions.keys() ?? [])];
      return { name, versions, version: found, inputs, outputs };
    },
    isReady(name, version) {
      const model = models.get(name);
      const chosen = version || model?.serving;
      return chosen !== undefined && model?.versions.has(chosen) === true;
    },
    infer: async (request) => ask(find(request.model, request.version), request),
    statistics: () =>
      [...models].flatMap(([name, { versions, serving }]) =>
        [...versions.values()].map((loaded) => ({
          model: name,
          version: loaded.version,
          serving: loaded.version === serving,
          ...loaded.counts,
          ...loaded.batcher.totals,
          batchRows: loaded.batchRows,
          latency: loaded.latency.snapshot(),
        })),
      ),
    observe(observer) {
      observers.add(observer);
      return () => void observers.delete(observer);
    },
    async close() {
      const all = [...models.values()].flatMap(({ versions }) => [...versions.values()]);
      models.clear();
      await Promise.all(all.map((loaded) => loaded.release()));
    },
  };
}

async function loadModel(
  name: string,
  version: string,
  bytes: Uint8Array,
  clock: Clock,
  settings: InferenceSettings,
): Promise<Loaded> {
  const { threads, batchRowsMax, batchRunMsMax, batchWaitMsMax, queueMax } = settings;
  const session = await loadTensorSession(`the model "${name}", version ${version}`, bytes, {
    threads,
  }).catch((error: unknown) => {
    if (!(error instanceof RuntimeError)) throw error;
    throw new InferenceError('inference/model-invalid', error.message, error);
  });
  try {
    const { rows } = await warmUp(session, clock, { rowsMax: batchRowsMax, runMsMax: batchRunMsMax });
    const batcher = createBatcher({ session, clock, rowsMax: rows, waitMsMax: batchWaitMsMax, queueMax });
    return {
      version,
      inputs: session.inputs,
      outputs: session.outputs,
      batcher,
      batchRows: rows,
      latency: latencyHistogram(),
      counts: { requests: 0, failures: 0, overloads: 0 },
      async release() {
        await batcher.close();
        await session.release();
      },
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}
