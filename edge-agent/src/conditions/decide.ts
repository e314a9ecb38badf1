/** When this device may train: pure, from what was read and what its owner wants. */

export interface Conditions {
  /** Train on mains only, or also on battery. */
  readonly power: 'mains' | 'any';
  /** Least charge on battery, in percent. */
  readonly batteryPercentMin: number;
  readonly temperatureCelsiusMax: number;
  /** Most runnable processes for each core, over one minute, this device's own training not counted. */
  readonly loadPerCoreMax: number;
  readonly metered: 'allowed' | 'never';
  /** Hours of the day, local; none means all. A span may cross midnight. */
  readonly hours: readonly { readonly fromMinute: number; readonly toMinute: number }[];
  /** Slowest that inference may become at its 99th percentile, in milliseconds. */
  readonly inferenceP99MsMax: number;
}

export const defaultConditions: Conditions = {
  power: 'any',
  batteryPercentMin: 0,
  temperatureCelsiusMax: 85,
  loadPerCoreMax: Number.POSITIVE_INFINITY,
  metered: 'allowed',
  hours: [],
  inferenceP99MsMax: Number.POSITIVE_INFINITY,
};

/** What was read; what a device does not have is undefined and stops nothing. */
export interface DeviceReadings {
  readonly onMains: boolean | undefined;
  readonly batteryPercent: number | undefined;
  readonly temperatureCelsius: number | undefined;
  readonly loadPerCore: number | undefined;
  readonly metered: boolean | undefined;
  readonly minuteOfDay: number;
}

/** What a person on the device wants, whatever the conditions. */
export type Override = 'auto' | 'pause' | 'allow';

export const pauseReasons = [
  'override',
  'battery',
  'temperature',
  'load',
  'metered',
  'hours',
  'inference-latency',
] as const;

export type PauseReason = (typeof pauseReasons)[number];

/**
 * Why training may not go on; empty where it may.
 *
 * @param inferenceP99Ms undefined where nothing was asked lately
 */
export function pausedBecause(
  conditions: Conditions,
  readings: DeviceReadings,
  override: Override,
  inferenceP99Ms: number | undefined,
): readonly PauseReason[] {
  if (override === 'pause') return ['override'];
  const slow = (inferenceP99Ms ?? 0) > conditions.inferenceP99MsMax;
  // Whoever asks a model is not slowed down, and the device not burnt, by whoever allows training.
  const hot = (readings.temperatureCelsius ?? Number.NEGATIVE_INFINITY) > conditions.temperatureCelsiusMax;
  const always: readonly [PauseReason, boolean][] = [
    ['temperature', hot],
    ['inference-latency', slow],
  ];
  const unlessAllowed: readonly [PauseReason, boolean][] = [
    ['battery', lacksPower(conditions, readings)],
    ['load', (readings.loadPerCore ?? 0) > conditions.loadPerCoreMax],
    ['metered', conditions.metered === 'never' && readings.metered === true],
    ['hours', !within(conditions.hours, readings.minuteOfDay)],
  ];
  const rules = override === 'allow' ? always : [...always, ...unlessAllowed];
  return rules.filter(([, broken]) => broken).map(([reason]) => reason);
}

function lacksPower(conditions: Conditions, { onMains, batteryPercent }: DeviceReadings): boolean {
  if (onMains !== false) return false;
  return conditions.power === 'mains' || (batteryPercent ?? 100) < conditions.batteryPercentMin;
}

function within(hours: Conditions['hours'], minute: number): boolean {
  if (hours.length === 0) return true;
  return hours.some(({ fromMinute, toMinute }) =>
    fromMinute <= toMinute
      ? minute >= fromMinute && minute < toMinute
      : minute >= fromMinute || minute < toMinute,
  );
}
