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

/** Whether a default route, of IPv4 or of IPv6, goes over a modem or over an interface that was named. */
async function readMetered(options: LinuxReadingsOptions): Promise<boolean | undefined> {
  const { root } = options;
  const [v4, v6] = await Promise.all(
    ['route', 'ipv6_route'].map((file) => text(join(root, 'proc/net', file))),
  );
  if (v4 === undefined && v6 === undefined) return undefined;
  const names = [defaultRoute(v4 ?? '', ipv4Routes), defaultRoute(v6 ?? '', ipv6Routes)].filter(
    (name) => name !== undefined,
  );
  if (names.length === 0) return undefined;
  const metered = await Promise.all(names.map((name) => isMetered(name, options)));
  return metered.includes(true);
}

/** A route to everywhere, of what a line says; undefined where it leads to less, or nowhere. */
type ReadRoute = (
  fields: readonly string[],
) => { readonly name: string; readonly metric: number } | undefined;

/** The first line names the columns. */
const ipv4Routes: ReadRoute = ([name, destination, , , , , metric, mask]) =>
  destination === '00000000' && mask === '00000000' ? { name, metric: Number(metric) } : undefined;

/** Whatever has no route is refused by one over the loopback. */
const ipv6Routes: ReadRoute = (fields) => {
  const [destination, prefixLength, , , , metric, , , , name] = fields;
  const isDefault =
    prefixLength === '00' && /^0{32}$/.test(destination) && name !== undefined && name !== 'lo';
  return isDefault ? { name, metric: Number.parseInt(metric, 16) } : undefined;
};

/** The interface of the one that is taken. */
function defaultRoute(routes: string, read: ReadRoute): string | undefined {
  const found = routes.split('\n').flatMap((line) => read(line.trim().split(/\s+/)) ?? []);
  return found.sort((a, b) => a.metric - b.metric)[0]?.name;
}

async function isMetered(name: string, { root, meteredInterfaces }: LinuxReadingsOptions): Promise<boolean> {
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
