/** What the served models were asked of late, and what they answered: for trying a release on. In memory, bounded. */
import type { TensorValue } from '@starling/engine/serving';
import type { InferenceService } from '../inference/index.js';

export interface RecentRequest {
  readonly inputs: readonly TensorValue[];
  readonly outputs: readonly TensorValue[];
}

export interface RecentRequests {
  of(model: string): readonly RecentRequest[];
  close(): void;
}

const requestsMax = 64;
const bytesMax = 4 << 20;
/** Once there are enough, each so many-th takes the place of the oldest: copying costs. */
const every = 16;

export function keepRecent(service: Pick<InferenceService, 'observe'>): RecentRequests {
  const kept = new Map<string, { requests: RecentRequest[]; bytes: number; seen: number }>();
  const close = service.observe((request, { model, outputs }) => {
    const entry = kept.get(model) ?? { requests: [], bytes: 0, seen: 0 };
    kept.set(model, entry);
    entry.seen += 1;
    if (entry.requests.length >= requestsMax && entry.seen % every !== 0) return;
    const bytes = bytesOf(request.inputs) + bytesOf(outputs);
    if (bytes > bytesMax / 4) return;
    entry.requests.push({ inputs: request.inputs.map(copied), outputs: outputs.map(copied) });
    entry.bytes += bytes;
    while (entry.requests.length > requestsMax || entry.bytes > bytesMax) {
      const oldest = entry.requests.shift();
      if (oldest === undefined) break;
      entry.bytes -= bytesOf(oldest.inputs) + bytesOf(oldest.outputs);
    }
  });
  return { of: (model) => kept.get(model)?.requests ?? [], close };
}

function bytesOf(tensors: readonly TensorValue[]): number {
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
}

/** Its data may be a view of a whole request. */
function copied(tensor: TensorValue): TensorValue {
  return { ...tensor, data: tensor.data.slice() };
}
