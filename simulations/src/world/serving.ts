/**
 * Stands for inference on a device that follows releases: a model's first word says how it does, and whoever watches is
 * told what serves, as it came from the disk.
 */
import { createHash } from 'node:crypto';
import type { ReleaseFiles, ReleasePorts, ReleaseServing } from '@starling/edge-agent';

/** How a release does on devices: well, refused by the health check, failing in use, or ending the process that serves it. */
export const releaseManners = ['good', 'refused', 'failing', 'deadly'] as const;
export type ReleaseManner = (typeof releaseManners)[number];

export interface ServedRelease {
  readonly device: string;
  readonly name: string;
  readonly version: number;
  /** Of the model that was loaded. */
  readonly sha256: string;
}

export type OnServed = (served: ServedRelease) => void;

/** Large enough for downloads to break off within. */
const modelBytes = 3_000;

export const modelOf = (version: number, manner: ReleaseManner): Uint8Array =>
  Buffer.alloc(modelBytes, `${manner} model of version ${version}. `);

const mannerOf = (model: Uint8Array): string => Buffer.from(model.subarray(0, 16)).toString().split(' ')[0];

/** Both ports of the agent that have to do with models; `die` ends the process that it is called in. */
export function simulatedServing(
  device: string,
  files: Pick<ReleaseFiles, 'read'>,
  onServed: OnServed,
  die: () => void,
): Pick<ReleasePorts, 'check'> & { readonly serving: ReleaseServing } {
  const manners = new Map<string, string>();
  return {
    async check(name, { slot }) {
      const model = await files.read(`${name}/${slot}/model.onnx`);
      return model === undefined || mannerOf(model) === 'refused'
        ? 'It says nothing that is right.'
        : undefined;
    },
    serving: {
      async serve(name, version, read) {
        const model = await read();
        manners.set(name, mannerOf(model));
        onServed({ device, name, version, sha256: createHash('sha256').update(model).digest('hex') });
        if (mannerOf(model) === 'deadly') die();
      },
      async serveLocal(name) {
        manners.delete(name);
      },
      async settle() {},
      figures: (name) => ({
        requests: 100,
        failures: manners.get(name) === 'failing' ? 100 : 0,
        latencyP99Ms: 1,
        failureShareBefore: 0,
      }),
    },
  };
}
