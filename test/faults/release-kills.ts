/** A device that changes its release again and again, killed with SIGKILL at any moment of it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSeededEntropy, uniform } from '@starling/federation';
import { createScope, startCoordinatorProcess, temporaryFolder, until } from '../support/index.js';
import { releasing, scalingModel, startServingDevice } from '../support/releasing.js';

export interface ReleaseKillOptions {
  readonly seed: number;
  readonly kills: number;
  readonly note: (text: string) => void;
}

export interface ReleaseKillOutcome {
  /** By the stage that the device's state was in when it was killed. */
  readonly stages: Readonly<Record<string, number>>;
  /** Updates that were carried to their end. */
  readonly updates: number;
}

/** Three releases for two slots: every third change must download. */
const releases = 3;
/** Each of them ends in this time where nothing disturbs it. */
const updateMs = 800;

/**
 * One kill in each update, at a random moment; throws where the device ever serves nothing, or anything but the release of
 * before and the one to come, or does not end on the one that is wanted.
 */
export async function killDevice({ seed, kills, note }: ReleaseKillOptions): Promise<ReleaseKillOutcome> {
  const scope = createScope();
  try {
    const folder = await temporaryFolder(scope, 'release-kills');
    const coordinator = await startCoordinatorProcess(scope, { folder: join(folder, 'coordinator') });
    const { starling, publish, rollOut, rolloutState } = await releasing(scope, coordinator, folder);
    await starling('release', 'init');
    for (let version = 1; version <= releases; version++) {
      await publish(version, scalingModel(version), '--watch-minutes', '0.005');
    }
    const entropy = createSeededEntropy(`release kills ${seed}`);
    const start = () => startServingDevice(scope, coordinator, folder, 'gateway');
    const stateOf = async () => {
      const text = await readFile(join(folder, 'gateway', 'releases', 'state.json'), 'utf8').catch(() => '');
      const { models } = text === '' ? { models: {} } : JSON.parse(text);
      return models.pump as
        | { readonly active?: { readonly version: number }; readonly stage: { readonly kind: string } }
        | undefined;
    };
    const stages: Record<string, number> = {};
    let device = await start();
    let before: number | undefined;
    for (let kill = 0; kill < kills; kill++) {
      const version = 1 + (kill % releases);
      await rollOut(version);
      // The moment is the seed's; what the device is doing then is the machine's.
      await new Promise((resolve) => setTimeout(resolve, uniform(entropy) * updateMs));
      await device.process.end('SIGKILL');
      const stage = (await stateOf())?.stage.kind ?? 'nothing';
      stages[stage] = (stages[stage] ?? 0) + 1;
      device = await start();
      const answer = await device.answer();
      note(`kill ${kill}: version ${version} after ${before}, while ${stage}; then ${answer} serves`);
      if (answer !== version && answer !== before) {
        throw new Error(`kill ${kill}: ${answer} serves, neither ${before} nor ${version}`);
      }
      await until(`the proof of version ${version}`, async () => {
        const state = await stateOf();
        const isProven = state?.stage.kind === 'resting' && state.active?.version === version;
        return isProven || undefined;
      });
      await until(`the end of the rollout of version ${version}`, async () => {
        return (await rolloutState(version)) === 'completed' || undefined;
      });
      if ((await device.answer()) !== version) throw new Error(`version ${version} does not serve`);
      before = version;
    }
    return { stages, updates: kills };
  } finally {
    await scope.close();
  }
}
