/** Rows of a Parquet file; loaded where there is one. */
import type { ExampleRow } from '@starling/engine';
import { parquetReadObjects } from 'hyparquet';

export const readParquet = (file: ArrayBuffer): Promise<readonly ExampleRow[]> =>
  parquetReadObjects({ file });
