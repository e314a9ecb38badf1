import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createVirtualClock } from '@starling/federation';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../testing/small-task.js';
import { type Conditions, type DeviceReadings, defaultConditions, pausedBecause } from './decide.js';
import { readLinux } from './linux-readings.js';
import { readOverride, writeOverride } from './override.js';
import { watchConditions } from './watch.js';

const fine: DeviceReadings = {
  onMains: true,
  batteryPercent: 80,
  temperatureCelsius: 40,
  loadPerCore: 0.2,
  metered: false,
  minuteOfDay: 60,
};
const strict: Conditions = {
  power: 'mains',
  batteryPercentMin: 50,
  temperatureCelsiusMax: 60,
  loadPerCoreMax: 0.8,
  metered: 'never',
  hours: [{ fromMinute: 22 * 60, toMinute: 6 * 60 }],
  inferenceP99MsMax: 5,
};

test.each<[string, Partial<DeviceReadings>, number | undefined, readonly string[], readonly string[]]>([
  ['all is well', {}, 1, [], []],
  ['on battery', { onMains: false }, 1, ['battery'], []],
  ['hot', { temperatureCelsius: 61 }, 1, ['temperature'], ['temperature']],
  ['busy', { loadPerCore: 0.9 }, 1, ['load'], []],
  ['over a modem', { metered: true }, 1, ['metered'], []],
  ['by day', { minuteOfDay: 12 * 60 }, 1, ['hours'], []],
  ['at the end of the night', { minuteOfDay: 6 * 60 }, 1, ['hours'], []],
  ['slow', {}, 6, ['inference-latency'], ['inference-latency']],
  [
    'hot and on battery',
    { onMains: false, temperatureCelsius: 99 },
    undefined,
    ['temperature', 'battery'],
    ['temperature'],
  ],
  [
    'a device that can tell nothing',
    {
      onMains: undefined,
      batteryPercent: undefined,
      temperatureCelsius: undefined,
      loadPerCore: undefined,
      metered: undefined,
    },
    undefined,
    [],
    [],
  ],
])(
  '%s: what stops training, and what stops it although it is allowed',
  (_what, changed, p99, reasons, still) => {
    const readings = { ...fine, ...changed };
    expect(pausedBecause(strict, readings, 'auto', p99)).toEqual(reasons);
    expect(pausedBecause(strict, readings, 'allow', p99)).toEqual(still);
    expect(pausedBecause(strict, readings, 'pause', p99)).toEqual(['override']);
    expect(pausedBecause(defaultConditions, fine, 'auto', p99)).toEqual([]);
  },
);

async function tree(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), `${text}\n`);
  }
  return root;
}

const read = (root: string, meteredInterfaces: readonly string[] = []) =>
  readLinux({ root, meteredInterfaces, clock: createVirtualClock() });

const route = (name: string) =>
  `Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n${name}\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\neth9\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0`;

test('a gateway with battery, sensors and a modem is read as the kernel shows it', async () => {
  const root = await tree({
    'sys/class/power_supply/AC/type': 'Mains',
    'sys/class/power_supply/AC/online': '0',
    'sys/class/power_supply/BAT0/type': 'Battery',
    'sys/class/power_supply/BAT0/capacity': '43',
    'sys/class/power_supply/BAT0/status': 'Discharging',
    'sys/class/power_supply/mouse/type': 'Battery',
    'sys/class/power_supply/mouse/scope': 'Device',
    'sys/class/power_supply/mouse/capacity': '3',
    'sys/class/thermal/thermal_zone0/temp': '41000',
    'sys/class/thermal/thermal_zone1/temp': '57500',
    'sys/class/thermal/cooling_device0/type': 'Fan',
    'sys/devices/system/cpu/online': '0-2,4',
    'proc/loadavg': '2.00 1.00 0.50 1/200 1234',
    'proc/net/route': route('wwan0'),
  });
  expect(await read(root)).toMatchObject({
    onMains: false,
    batteryPercent: 43,
    temperatureCelsius: 57.5,
    loadPerCore: 0.5,
    metered: true,
  });
});

test('metered is what was named or is a modem by type, and else it is not', async () => {
  const root = await tree({ 'proc/net/route': route('usb0'), 'sys/class/net/usb0/uevent': 'INTERFACE=usb0' });
  expect((await read(root)).metered).toBe(false);
  expect((await read(root, ['usb0'])).metered).toBe(true);
  await writeFile(join(root, 'sys/class/net/usb0/uevent'), 'DEVTYPE=wwan\nINTERFACE=usb0\n');
  expect((await read(root)).metered).toBe(true);
});

test('a modem that gives IPv6 alone is metered, and the route that refuses is none', async () => {
  const zero = '0'.repeat(32);
  const line = (destination: string, length: string, metric: string, name: string) =>
    `${destination} ${length} ${zero} 00 ${zero} ${metric} 00000001 00000000 00000003 ${name.padStart(8)}`;
  const refusing = line(zero, '00', 'ffffffff', 'lo');
  const near = line(`fe80${'0'.repeat(28)}`, '40', '00000100', 'wwan0');
  const read6 = async (...lines: readonly string[]) => {
    const header = route('x').split('\n')[0];
    return (await read(await tree({ 'proc/net/route': header, 'proc/net/ipv6_route': lines.join('\n') })))
      .metered;
  };
  expect(await read6(near, line(zero, '00', '00000064', 'wwan0'), refusing)).toBe(true);
  expect(await read6(line(zero, '00', '00000400', 'wwan0'), line(zero, '00', '00000064', 'eth0'))).toBe(
    false,
  );
  expect(await read6(near, refusing)).toBeUndefined();
  const both = {
    'proc/net/route': route('eth0'),
    'proc/net/ipv6_route': line(zero, '00', '00000064', 'wwan0'),
  };
  expect((await read(await tree(both))).metered).toBe(true);
});

test('a board with nothing to tell, and one whose files are nonsense, says nothing', async () => {
  const nothing = { onMains: undefined, batteryPercent: undefined, temperatureCelsius: undefined };
  expect(await read(await temporaryFolder())).toMatchObject({
    ...nothing,
    loadPerCore: undefined,
    metered: undefined,
  });
  const nonsense = await tree({
    'sys/class/power_supply/x/type': '\u0000',
    'sys/class/thermal/thermal_zone0/temp': 'hot',
    'proc/loadavg': '',
    'proc/net/route': 'x',
  });
  expect(await read(nonsense)).toMatchObject(nothing);
});

test('the gate closes at once, and opens only when conditions have been good for ten seconds', async () => {
  const clock = createVirtualClock();
  let readings = fine;
  let looks = 0;
  const changes: string[] = [];
  const gate = await watchConditions(strict, {
    read: async () => {
      looks += 1;
      return readings;
    },
    override: async () => 'auto',
    inferenceP99Ms: () => undefined,
    clock,
    log: { info() {}, warn() {}, error() {} },
  });
  gate.onChange(() => changes.push(gate.reasons.join() || 'open'));
  const seconds = async (count: number) => {
    for (let second = 0; second < count; second++) {
      const before = looks;
      clock.advance(1000);
      while (looks === before) await new Promise(setImmediate);
      await new Promise(setImmediate);
    }
  };
  readings = { ...fine, onMains: false };
  await seconds(1);
  expect(gate.reasons).toEqual(['battery']);
  readings = fine;
  await seconds(9);
  expect(gate.reasons).toEqual(['battery']);
  readings = { ...fine, temperatureCelsius: 90 };
  await seconds(1);
  readings = fine;
  await seconds(12);
  expect(changes).toEqual(['battery', 'temperature', 'open']);
  gate.close();
});

test('what a person wants is kept, and nonsense is nothing', async () => {
  const folder = await temporaryFolder();
  expect(await readOverride(folder)).toBe('auto');
  await writeOverride(folder, 'pause');
  expect(await readOverride(folder)).toBe('pause');
  await writeFile(join(folder, 'training-override'), 'perhaps');
  expect(await readOverride(folder)).toBe('auto');
});
