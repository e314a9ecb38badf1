/** What an update does to the models that are served, as a port, and the port over this agent's inference. */
import {
  type InferenceService,
  type LatencySnapshot,
  latencyBetween,
  latencyQuantile,
  type ModelDirectory,
} from '../inference/index.js';
import type { WatchFigures } from './health.js';

export interface ReleaseServing {
  /** Loads it where it is not, and lets it take over between two requests; what served before is kept in memory. */
  serve(name: string, version: number, model: () => Promise<Uint8Array>): Promise<void>;
  /** What the models folder has serves again, or nothing. */
  serveLocal(name: string): Promise<void>;
  /** Frees all versions but the one that serves. */
  settle(name: string): Promise<void>;
  /** Of what serves, since it does. */
  figures(name: string): WatchFigures;
}

interface Since {
  readonly version: string;
  readonly requests: number;
  readonly failures: number;
  readonly latency: LatencySnapshot | undefined;
  readonly failureShareBefore: number;
}

export function releaseServing(
  service: InferenceService,
  directory: Pick<ModelDirectory, 'serving' | 'read'>,
): ReleaseServing {
  /** By name, the versions that were loaded as releases: the models folder may have others with their names. */
  const loaded = new Map<string, Set<string>>();
  const since = new Map<string, Since>();

  const servingVersion = (name: string): string | undefined =>
    service.isReady(name) ? service.describe(name).version : undefined;
  const countsOf = (name: string, version: string) =>
    service.statistics().find((one) => one.model === name && one.version === version);

  const takeOver = (name: string, version: string): void => {
    const before = servingVersion(name);
    const left = before === undefined ? undefined : countsOf(name, before);
    service.activate(name, version);
    if (before === version && since.has(name)) return;
    const counts = countsOf(name, version);
    since.set(name, {
      version,
      requests: counts?.requests ?? 0,
      failures: counts?.failures ?? 0,
      latency: counts?.latency,
      failureShareBefore: left === undefined || left.requests === 0 ? 0 : left.failures / left.requests,
    });
  };

  return {
    async serve(name, version, model) {
      const label = String(version);
      const ours = loaded.get(name) ?? new Set();
      loaded.set(name, ours);
      if (!ours.has(label) || !service.isReady(name, label)) {
        await service.load(name, label, await model());
        ours.add(label);
      }
      takeOver(name, label);
    },
    async serveLocal(name) {
      const ours = loaded.get(name) ?? new Set();
      const version = await directory.serving(name);
      if (version !== undefined) {
        if (ours.delete(version) || !service.isReady(name, version)) {
          await service.load(name, version, await directory.read(name, version));
        }
        takeOver(name, version);
        return;
      }
      for (const label of ours) await service.unload(name, label);
      loaded.delete(name);
      since.delete(name);
    },
    async settle(name) {
      const serving = servingVersion(name);
      if (serving === undefined) return;
      for (const version of service.describe(name).versions) {
        if (version === serving) continue;
        loaded.get(name)?.delete(version);
        await service.unload(name, version);
      }
    },
    figures(name) {
      const from = since.get(name);
      const counts = from && countsOf(name, from.version);
      if (from === undefined || counts === undefined) {
        return { requests: 0, failures: 0, latencyP99Ms: 0, failureShareBefore: 0 };
      }
      const latency = from.latency ? latencyBetween(from.latency, counts.latency) : counts.latency;
      return {
        requests: counts.requests - counts.overloads - from.requests,
        failures: counts.failures - from.failures,
        latencyP99Ms: latencyQuantile(latency, 0.99),
        failureShareBefore: from.failureShareBefore,
      };
    },
  };
}
