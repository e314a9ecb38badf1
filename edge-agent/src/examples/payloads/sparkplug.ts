/**
 * Sparkplug B (Eclipse Sparkplug 3.0): metrics by name, or by an alias that a birth message gave to a name. A birth also
 * tells the type of each metric, which data messages leave out (tck-id-payloads-metric-datatype-not-req).
 */
import { decodeMessage, type SparkplugMetric, SparkplugPayload } from '@starling/proto/sparkplug';
import type { Recording } from '../recording.js';
import type { RawRow } from './index.js';
import { PayloadRefusal } from './refusal.js';

/** What one device's births told. */
export interface SparkplugBirths {
  /** Names by alias; `''` for metrics that the recording does not take. */
  readonly names: Map<number, string>;
  /** Of metrics that the recording takes. */
  readonly datatypes: Map<string, number>;
}

/** Also of metrics that are not taken: a machine may have hundreds. */
const aliasesMax = 1024;

export const birthUnknown = 'sparkplug-birth-unknown';

export function createBirths(): SparkplugBirths {
  return { names: new Map(), datatypes: new Map() };
}

/**
 * One row of all metrics that came together. Throws where the bytes are no payload.
 *
 * @throws PayloadRefusal `sparkplug-birth-unknown` where an alias stands for a name that nobody told: the birth was before
 *   this agent began, and a row without that metric would be another
 */
export function readSparkplug(
  payload: Uint8Array,
  { fields, contract }: Recording,
  births: SparkplugBirths,
): readonly RawRow[] {
  // Their own texts: a name that is kept would keep the whole message in memory.
  const taken = new Map(
    [...contract.features.map(({ name }) => name), fields.id, fields.label].map((name) => [name, name]),
  );
  const { timestamp, metrics } = decodeMessage(SparkplugPayload, payload);
  const row: Record<string, unknown> = { [fields.time]: timestamp === 0 ? undefined : timestamp };
  let found = 0;
  for (const metric of metrics) {
    const name = nameOf(metric, births, taken);
    // Sequence numbers of birth and death belong to the protocol, not to the machine.
    if (name === undefined || name === 'bdSeq' || name.startsWith('Node Control/')) continue;
    found += 1;
    if (name === '' || !taken.has(name)) continue;
    if (metric.datatype !== 0) births.datatypes.set(name, metric.datatype);
    row[name] = metric.isNull ? undefined : scalarOf(metric, births.datatypes.get(name));
  }
  return found === 0 ? [] : [row];
}

function nameOf(
  { name, alias }: SparkplugMetric,
  { names }: SparkplugBirths,
  taken: ReadonlyMap<string, string>,
): string | undefined {
  if (name === undefined || name === '') {
    const told = alias === undefined ? undefined : names.get(alias);
    // With all places taken, it may be one of those that were not remembered.
    if (alias !== undefined && told === undefined && names.size < aliasesMax)
      throw new PayloadRefusal(birthUnknown);
    return told;
  }
  const known = taken.get(name) ?? '';
  // What is taken has a place, however many others there are.
  const most = known === '' ? aliasesMax : 2 * aliasesMax;
  if (alias !== undefined && (names.has(alias) || names.size < most)) names.set(alias, known);
  return name;
}

/** Signed integers below 64 bits lie in an unsigned field, in two's complement. */
function scalarOf({ value }: SparkplugMetric, datatype: number | undefined): unknown {
  if (value?.kind === 'booleanValue') return Number(value.value);
  if (value?.kind !== 'intValue') return value?.value;
  switch (datatype) {
    case 1:
      return (value.value << 24) >> 24;
    case 2:
      return (value.value << 16) >> 16;
    case 3:
      return value.value | 0;
    default:
      return value.value;
  }
}
