/** What is released, asked over gRPC. */
import type { ReleaseService, ServiceClient } from '@starling/proto';
import type { ReleaseTransport } from '../releases/index.js';

export interface ReleaseCalls {
  /** On the connection with the newest certificate. */
  client(): ServiceClient<typeof ReleaseService>;
  readonly deviceId: string;
  /** The options of one call. */
  within(signal: AbortSignal): { readonly signal: AbortSignal; readonly deadlineAtMs: number };
  /** Runs a call; its failures become `CallError`. */
  checked<T>(run: () => Promise<T>): Promise<T>;
}

export function releaseTransport({
  client,
  deviceId,
  within,
  checked,
}: ReleaseCalls): Omit<ReleaseTransport, 'download'> {
  return {
    releaseFile: (role, version, signal) =>
      checked(async () => {
        const { content } = await client().getReleaseFile({ role, version }, within(signal));
        return content.byteLength === 0 ? undefined : content;
      }),
    reportReleases: (running, signal) =>
      checked(() => client().reportReleases({ deviceId, running: [...running] }, within(signal))),
  };
}
