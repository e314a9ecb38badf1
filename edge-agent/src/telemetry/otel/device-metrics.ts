/** The device itself as OpenTelemetry metrics, under the names of its semantic conventions for systems and hardware. */
import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Meter, ObservableResult } from '@opentelemetry/api';

export interface DeviceMetricsOptions {
  /** Its file system is watched. */
  readonly stateFolder: string;
  /** Linux tells temperatures here; another folder in tests. */
  readonly thermalFolder?: string;
}

export function observeDevice(meter: Meter, { stateFolder, thermalFolder }: DeviceMetricsOptions): void {
  const gauge = (name: string, unit: string, observe: (result: ObservableResult) => void): void => {
    meter.createObservableGauge(name, { unit }).addCallback(observe);
  };
  const busy = createBusyShare();
  gauge('system.cpu.utilization', '1', (result) => result.observe(busy()));
  gauge('system.cpu.load_average.1m', '{thread}', (result) => result.observe(loadavg()[0]));
  gauge('system.memory.usage', 'By', (result) => result.observe(totalmem() - freemem()));
  gauge('system.memory.limit', 'By', (result) => result.observe(totalmem()));
  gauge('process.memory.usage', 'By', (result) => result.observe(process.memoryUsage.rss()));
  gauge('system.cpu.logical.count', '{cpu}', (result) => result.observe(availableParallelism()));
  gauge('system.filesystem.usage', 'By', (result) => {
    const { bsize, blocks, bfree, bavail } = statfsSync(stateFolder);
    result.observe((blocks - bfree) * bsize, { 'system.filesystem.state': 'used' });
    result.observe(bavail * bsize, { 'system.filesystem.state': 'free' });
  });
  gauge('hw.temperature', 'Cel', (result) => {
    for (const { sensor, celsius } of readTemperatures(thermalFolder ?? '/sys/class/thermal')) {
      result.observe(celsius, { 'hw.id': sensor });
    }
  });
}

/** The share of time in which the processors were busy since the last call; since the start at the first. */
function createBusyShare(): () => number {
  let before = { busy: 0, total: 0 };
  return () => {
    let [busy, total] = [0, 0];
    for (const { times } of cpus()) {
      const all = times.user + times.nice + times.sys + times.irq + times.idle;
      total += all;
      busy += all - times.idle;
    }
    const span = total - before.total;
    const share = span > 0 ? (busy - before.busy) / span : 0;
    before = { busy, total };
    return Math.min(1, Math.max(0, share));
  };
}

/** Thermal zones of Linux, in millidegrees (Documentation/driver-api/thermal/sysfs-api.rst); none elsewhere. */
export function readTemperatures(
  folder: string,
): readonly { readonly sensor: string; readonly celsius: number }[] {
  let zones: readonly string[];
  try {
    zones = readdirSync(folder).filter((name) => name.startsWith('thermal_zone'));
  } catch {
    return [];
  }
  return zones.flatMap((zone) => {
    try {
      const celsius = Number(readFileSync(join(folder, zone, 'temp'), 'utf8')) / 1_000;
      const sensor = readFileSync(join(folder, zone, 'type'), 'utf8').trim();
      return Number.isFinite(celsius) ? [{ sensor, celsius }] : [];
    } catch {
      // A zone may be there and not be readable.
      return [];
    }
  });
}
