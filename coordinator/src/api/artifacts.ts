import type { ArtifactService, Handlers } from '@starling/proto';
import type { ArtifactStore } from '../artifacts/index.js';
import type { Traffic } from '../runner/index.js';
import { streamToWire, toWire } from './errors.js';
import { sha256Of } from './parse.js';
import { artifactReference } from './to-wire.js';

export interface ArtifactHandlersOptions {
  readonly artifacts: ArtifactStore;
  readonly traffic: Traffic;
}

export function artifactHandlers({
  artifacts,
  traffic,
}: ArtifactHandlersOptions): Handlers<typeof ArtifactService> {
  return {
    getArtifact: (request) =>
      toWire(async () => ({
        artifact: artifactReference(
          await artifacts.stat(sha256Of(request.sha256, 'GetArtifactRequest.sha256')),
        ),
      })),

    downloadArtifact: (request, context) =>
      streamToWire(async function* () {
        const sha256 = sha256Of(request.sha256, 'DownloadArtifactRequest.sha256');
        let { offsetBytes } = request;
        for await (const data of await artifacts.read(sha256, offsetBytes)) {
          yield { offsetBytes, data };
          offsetBytes += data.byteLength;
          traffic.sent(sha256, data.byteLength);
        }
      }, context),
  };
}
