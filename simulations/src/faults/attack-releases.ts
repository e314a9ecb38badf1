/** What somebody on the way, or in the coordinator's place, tells a device that follows releases. */
import { signSnapshot, signTargets, signTimestamp } from '@starling/federation';
import {
  createClient,
  decodeMessage,
  encodeMessage,
  GetReleaseFileRequest,
  GetReleaseFileResponse,
  privateKeyFromSeed,
  ReleaseOperationsService,
  ReportReleasesResponse,
  rawPublicKey,
  readPrivateKey,
} from '@starling/proto';
import type { AnswerTamper } from '../world/network.js';
import { modelOf } from '../world/serving.js';
import type { World } from '../world/world.js';
import type { ReleaseAttack } from './operation.js';
import { filesOf, releaseName, targetsOf, upload } from './publish.js';

const metadata = '/starling.v1.ReleaseService/GetReleaseFile';
const reports = '/starling.v1.ReleaseService/ReportReleases';
const downloads = '/starling.v1.ArtifactService/DownloadArtifact';

const often = 0.4;
const dayMs = 86_400_000;

const wanting = (version: number): Buffer =>
  Buffer.from(
    encodeMessage(ReportReleasesResponse, { wanted: [{ name: releaseName, version }], reportAgainMs: 1_000 }),
  );

/** What devices were told before, by request, the oldest first: what somebody on the way may have kept. */
export function keepMetadata(world: World): ReadonlyMap<string, Buffer> {
  const oldest = new Map<string, Buffer>();
  world.network.observers.add({
    onAnswer({ path }, request, answer) {
      const name = Buffer.from(request).toString('hex');
      if (path === metadata && !oldest.has(name)) oldest.set(name, Buffer.from(answer));
    },
  });
  return oldest;
}

export function answerTamperOf(
  how: ReleaseAttack,
  world: World,
  versions: number,
  oldest: ReadonlyMap<string, Buffer>,
): AnswerTamper {
  switch (how) {
    case 'flip-bits':
      return ({ path }, _request, answer, chance) => {
        if ((path !== metadata && path !== downloads) || !chance.happens(often)) return answer;
        const changed = Buffer.from(answer);
        if (changed.byteLength > 0) changed[chance.integer(changed.byteLength)] ^= 1 << chance.integer(8);
        return changed;
      };
    case 'old-metadata':
      return ({ path }, request, answer) =>
        path === metadata ? (oldest.get(request.toString('hex')) ?? answer) : answer;
    case 'mixed-metadata': {
      const seen: Buffer[] = [];
      return ({ path }, _request, answer, chance) => {
        if (path !== metadata) return answer;
        seen.push(answer);
        return chance.happens(often) ? chance.pick(seen) : answer;
      };
    }
    case 'other-wishes':
      return ({ path }, _request, answer, chance) =>
        path === reports && chance.happens(often) ? wanting(1 + chance.integer(versions + 1)) : answer;
    case 'stolen-key':
      return withStolenKey(world, versions + 1);
  }
}

/**
 * With the coordinator's own key, which signs snapshots and timestamps: it names a model that no owner signed, and has it to
 * hand out. What the key may not do is sign targets.
 */
function withStolenKey(world: World, version: number): AnswerTamper {
  const model = modelOf(version, 'good').slice();
  model.reverse();
  const files = filesOf(version, model);
  upload(createClient(ReleaseOperationsService, world.operator()), files).catch(() => {});
  const inode = world.coordinator.disk.find('/coordinator/releases.key');
  const key = inode && readPrivateKey(Buffer.from(inode.content).toString());
  if (key === undefined) return (_call, _request, answer) => answer;
  const online = [{ privateKey: key, publicKey: rawPublicKey(key) }];
  const stranger = privateKeyFromSeed(Buffer.alloc(32, 'stranger'));
  const others = [{ privateKey: stranger, publicKey: rawPublicKey(stranger) }];
  const number = 100;
  const expiresAtMs = world.clock.now() + 10 * dayMs;
  const targets = signTargets({ version: number, expiresAtMs, targets: targetsOf(files) }, others);
  const snapshot = signSnapshot(number, expiresAtMs, { version: number, bytes: targets }, online);
  const timestamp = signTimestamp(number, expiresAtMs, { version: number, bytes: snapshot }, online);
  const forged = { targets, snapshot, timestamp };
  return ({ path }, request, answer) => {
    if (path === reports) return wanting(version);
    if (path !== metadata) return answer;
    const { role } = decodeMessage(GetReleaseFileRequest, request);
    if (role === 'root' || role === 'unspecified') return answer;
    return Buffer.from(encodeMessage(GetReleaseFileResponse, { content: forged[role] }));
  };
}
