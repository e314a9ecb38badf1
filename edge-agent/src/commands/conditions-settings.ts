/** The sections `conditions` and `training` of the configuration file, as the settings that the agent works with. */
import { type Conditions, defaultConditions } from '../conditions/index.js';
import type { Configuration } from '../configuration/sections.js';
import { defaultIsolation, type IsolationSettings } from '../training/isolated/runtime.js';

export function conditionsOf(given: Configuration['conditions']): {
  readonly conditions: Conditions;
  readonly meteredInterfaces: readonly string[];
} {
  const { hours = [], meteredInterfaces = [], ...rest } = given ?? {};
  const named = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const conditions = { ...defaultConditions, ...named, hours: hours.map(spanOf) };
  return { conditions, meteredInterfaces };
}

export function isolationOf(given: Configuration['training']): IsolationSettings {
  const { niceness = defaultIsolation.niceness, memoryMegabytesMax } = given ?? {};
  const memoryBytesMax =
    memoryMegabytesMax === undefined ? defaultIsolation.memoryBytesMax : memoryMegabytesMax * 1_000_000;
  return { niceness, memoryBytesMax };
}

/** `22:00-06:00`, as the schema has checked. */
function spanOf(text: string): { readonly fromMinute: number; readonly toMinute: number } {
  const [fromMinute, toMinute] = text.split('-').map((time) => {
    const [hours, minutes] = time.split(':').map(Number);
    return 60 * hours + minutes;
  });
  return { fromMinute, toMinute };
}
