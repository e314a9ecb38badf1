/** Reads the device's state where the Linux kernel shows it: `/sys` and `/proc` (docs.kernel.org, admin-guide/abi). */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '@starling/federation';
import type { DeviceReadings } from './decide.js';

export interface LinuxReadingsOptions {
  /** Where `sys` and `proc` are; `/` on a device. */
  readonly root: string;
  /** Interfaces that cost money by the byte, besides modems (`wwan…`, `ppp…`), such as `eth1`. */
  readonly meteredInterfaces: readonly string[];
  readonly clock: Clock;
}

export async function readLinux(options: LinuxReadingsOptions): Promise<DeviceReadings> {
  const { root, clock } = options;
  const [supplies, temperatureCelsius, loadPerCore, metered] = await Promise.all([
    readSupplies(root),
    readTemperature(root),
    readLoad(root),
    readMetered(options),
  ]);
  const now = new Date(clock.now());
  return {
    ...supplies,
    temperatureCelsius,
    loadPerCore,
    metered,
    minuteOfDay: 60 * now.getHours() + now.getMinutes(),
  };
}

/** Supplies of type Mains or USB say `online`; a battery says how full it is, and whether it is emptied. */
async function readSupplies(root: string): Promise<Pick<DeviceReadings, 'onMains' | 'batteryPercent'>> {
  const folder = join(root, 'sys/class/power_supply');
  const supplies = await Promise.all(
    (await list(folder)).map(async (name) => {
      const [type, online, capacity, status, scope] = await Promise.all(
        ['type', 'online', 'capacity', 'status', 'scope'].map((file) => text(join(folder, name, file))),
      );
      return { type, online, capacity, status, scope };
    }),
  );
  // A mouse's battery is none of the device.
  const own = supplies.filter(({ scope }) => scope !== 'Device');
  const mains = own.filter(
    ({ type, online }) => (type === 'Mains' || type === 'USB') && online !== undefined,
  );
  const batteries = own.filter(({ type }) => type === 'Battery');
  const charges = batteries.map(({ capacity }) => Number(capacity)).filter(Number.isFinite);
  const discharging = batteries.some(({ status }) => status === 'Discharging');
  return {
    onMains:
      mains.length > 0
        ? mains.some(({ online }) => online !== '0')
        : batteries.length > 0
          ? !discharging
          : undefined,
    batteryPercent: charges.length === 0 ? undefined : Math.min(...charges),
  };
}

/** The hottest of all zones. */
async function readTemperature(root: string): Promise<number | undefined> {
  const folder = join(root, 'sys/class/thermal');
  const zones = (await list(folder)).filter((name) => name.startsWith('thermal_zone'));
  const celsius = (await Promise.all(zones.map((zone) => text(join(folder, zone, 'temp')))))
    .filter((value) => value !== undefined && value !== '')
    .map((value) => Number(value) / 1000)
    .filter(Number.isFinite);
  return celsius.length === 0 ? undefined : Math.max(...celsius);
}

async function readLoad(root: string): Promise<number | undefined> {
  const [load, online] = await Promise.all([
    text(join(root, 'proc/loadavg')),
    text(join(root, 'sys/devices/system/cpu/online')),
  ]);
  const minute = Number(load?.split(' ')[0] ?? Number.NaN);
  return Number.isFinite(minute) ? minute / coresOf(online ?? '0') : undefined;
}

/** `0-3,6` are five. */
function coresOf(online: string): number {
  const cores = online.split(',').reduce((sum, span) => {
    const [first, last = first] = span.split('-').map(Number);
    return sum + last - first + 1;
  }, 0);
  return cores > 0 ? cores : 1;
}

/** Whether the default route goes over a modem, or over an interface that was named. */
async function readMetered({ root, meteredInterfaces }: LinuxReadingsOptions): Promise<boolean | undefined> {
  const routes = await text(join(root, 'proc/net/route'));
  if (routes === undefined) return undefined;
  const defaults = routes
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')
    .sort((a, b) => Number(a[6]) - Number(b[6]));
  const name = defaults[0]?.[0];
  if (name === undefined) return undefined;
  if (meteredInterfaces.includes(name) || /^(wwan|ppp)/.test(name)) return true;
  const uevent = await text(join(root, 'sys/class/net', basename(name), 'uevent'));
  return uevent?.includes('DEVTYPE=wwan') ?? false;
}

async function list(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

/** A file that is not there, or that its driver cannot read just now, says nothing. */
async function text(path: string): Promise<string | undefined> {
  return (await readFile(path, 'utf8').catch(() => undefined))?.trim();
}
