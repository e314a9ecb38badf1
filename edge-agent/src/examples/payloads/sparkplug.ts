/** Sparkplug B (Eclipse Sparkplug 3.0): metrics by name, or by an alias that a birth message gave to a name. */
import { decodeMessage, type SparkplugMetric, SparkplugPayload } from '@starling/proto/sparkplug';
import type { Recording } from '../recording.js';
import type { RawRow } from './index.js';

/** Names of one device's metrics by alias, as its births told; `''` for metrics that the recording does not take. */
export type Aliases = Map<number, string>;

/** Also of metrics that are not taken: a machine may have hundreds. */
const aliasesMax = 1024;

export function createAliases(): Aliases {
  return new Map();
}

/** One row of all metrics that came together. Throws where the bytes are no payload. */
export function readSparkplug(
  payload: Uint8Array,
  { fields, contract }: Recording,
  aliases: Aliases,
): readonly RawRow[] {
  // Their own texts: a name that is kept would keep the whole message in memory.
  const taken = new Map(
    [...contract.features.map(({ name }) => name), fields.id, fields.label].map((name) => [name, name]),
  );
  const { timestamp, metrics } = decodeMessage(SparkplugPayload, payload);
  const row: Record<string, unknown> = { [fields.time]: timestamp === 0 ? undefined : timestamp };
  let found = 0;
  for (const metric of metrics) {
    const name = nameOf(metric, aliases, taken);
    // Sequence numbers of birth and death belong to the protocol, not to the machine.
    if (name === undefined || name === 'bdSeq' || name.startsWith('Node Control/')) continue;
    found += 1;
    if (name !== '') row[name] = metric.isNull ? undefined : scalarOf(metric);
  }
  return found === 0 ? [] : [row];
}

function nameOf(
  { name, alias }: SparkplugMetric,
  aliases: Aliases,
  taken: ReadonlyMap<string, string>,
): string | undefined {
  if (name === undefined) return alias === undefined ? undefined : aliases.get(alias);
  const known = taken.get(name) ?? '';
  // What is taken has a place, however many others there are.
  const most = known === '' ? aliasesMax : 2 * aliasesMax;
  if (alias !== undefined && (aliases.has(alias) || aliases.size < most)) aliases.set(alias, known);
  return name;
}

/** Signed integers below 64 bits lie in an unsigned field, in two's complement. */
function scalarOf({ datatype, value }: SparkplugMetric): unknown {
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
