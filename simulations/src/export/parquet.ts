import { parquetWriteBuffer } from 'hyparquet-writer';
import type { RoundRecord } from '../simulation/record.js';
import { flatten } from './rows.js';

/** Records as Parquet: a column for each number that any round has, doubles, null where a round lacks it. */
export function parquetOf(records: readonly RoundRecord[]): Uint8Array {
  const rows = records.map(flatten);
  const names = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const columnData = names.map((name) => ({
    name,
    data: rows.map((row) => row.get(name) ?? null),
    type: 'DOUBLE' as const,
    nullable: true,
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
