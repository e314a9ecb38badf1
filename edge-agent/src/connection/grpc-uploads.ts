/** Updates on their way to the coordinator. */
import type { MetricSums } from '@starling/engine';
import {
  type Connection,
  createClient,
  RoundService,
  UPLOAD_CHUNK_BYTES,
  UPLOAD_OWN_CONNECTION_BYTES,
  type UploadUpdateRequest,
  type MetricSums as WireMetricSums,
} from '@starling/proto';
import type { FinishedUpdate } from './assignment.js';

type Rounds = ReturnType<typeof createClient<typeof RoundService>>;

/** The calls to upload with: where much is to be sent, those of a connection that is closed when `send` has ended. */
export async function withUploadConnection<T>(
  bytes: number,
  { shared, open }: { readonly shared: Rounds; readonly open: () => Connection },
  send: (rounds: Rounds) => Promise<T>,
): Promise<T> {
  if (bytes < UPLOAD_OWN_CONNECTION_BYTES) return send(shared);
  const connection = open();
  try {
    return await send(createClient(RoundService, connection));
  } finally {
    connection.close();
  }
}

export async function* uploadRequests(
  update: FinishedUpdate,
  deviceId: string,
  offset: number,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<UploadUpdateRequest> {
  yield {
    part: {
      kind: 'header',
      value: {
        round: update.round,
        deviceId,
        sizeBytes: update.bytes,
        sha256: Buffer.from(update.sha256, 'hex'),
        offsetBytes: offset,
        exampleCount: update.exampleCount,
        metrics: wireMetrics(update.metrics),
        trainingMs: update.trainingMs,
      },
    },
  };
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.byteLength; start += UPLOAD_CHUNK_BYTES) {
      yield { part: { kind: 'chunk', value: chunk.subarray(start, start + UPLOAD_CHUNK_BYTES) } };
    }
  }
}

export function wireMetrics(metrics: MetricSums): WireMetricSums {
  return {
    weight: metrics.weight,
    sums: Object.entries(metrics.sums).map(([name, sum]) => ({ name, sum })),
  };
}
