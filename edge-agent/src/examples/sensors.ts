/** What is remembered of each sensor, within a bound of memory: whoever publishes invents as many as it likes. */
import { createBirths, type SparkplugBirths } from './payloads/index.js';
import type { Recording } from './recording.js';
import { createWindower, type Windower } from './windows.js';

export interface Sensor {
  readonly births: SparkplugBirths;
  /** Begins with the first good row. */
  readonly windower: () => Windower | undefined;
  /** A row without a time was refused: no window spans its place. */
  readonly missed: () => void;
  previous: readonly Float64Array[] | undefined;
}

export interface Sensors {
  /** The sensor of that name; the ones that were silent the longest are forgotten for it where there are too many. */
  of(source: string): Sensor;
}

/** Sensors that are remembered at most. */
const sensorsMax = 4096;
/** Most memory of all their windows, in bytes. */
const windowBytesMax = 32 << 20;
/** A few sensors are remembered, however large their windows are. */
const sensorsMin = 8;

export function createSensors(recording: Recording): Sensors {
  const elements = recording.rowElements.reduce((sum, count) => sum + count, 0);
  // A ring of twice the window, and its times; without windows, the row before.
  const bytesOfEach =
    8 * elements * (1 + 2 * (recording.window?.size ?? 0)) + 8 * (recording.window?.size ?? 0);
  const most = Math.max(sensorsMin, Math.min(sensorsMax, Math.floor(windowBytesMax / bytesOfEach)));
  const sensors = new Map<string, Sensor>();
  return {
    of(source) {
      const found = sensors.get(source) ?? createSensor(recording);
      sensors.delete(source);
      sensors.set(source, found);
      if (sensors.size > most)
        for (const oldest of sensors.keys()) {
          sensors.delete(oldest);
          break;
        }
      return found;
    },
  };
}

function createSensor(recording: Recording): Sensor {
  let windower: Windower | undefined;
  return {
    births: createBirths(),
    windower: () => {
      windower ??= recording.window && createWindower(recording, recording.window);
      return windower;
    },
    missed: () => windower?.miss(),
    previous: undefined,
  };
}
