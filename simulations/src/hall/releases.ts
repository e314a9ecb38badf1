/** Releases of the hall's model: the one that was trained, and a worthless one that the gateways must refuse. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Rollout } from '@starling/proto';
import { SimulationError } from '../errors.js';
import { runCommand } from './commands.js';
import { modelName, taskName } from './definitions.js';
import { checkAlive, until } from './gateways.js';
import { clientArguments, type Hall, ownerKeyOf, phase, withRemote } from './hall.js';
import type { HallResult } from './report.js';
import { worthlessModel } from './worthless-model.js';

/** Least share of its recent labelled windows that a release must tell right at a gateway. */
const accuracyMin = 0.5;
/** A gateway's own windows may be harder than those that were measured on, by this share. */
const accuracyMargin = 0.1;
const watchMinutes = 0.03;

/** @param accuracy of the model, as it was measured */
export async function deliver(hall: Hall, path: string, accuracy: number): Promise<void> {
  phase(hall, 'release: signed, rolled out in stages; each gateway tries it on its own windows first');
  // A hall that learned for a few rounds only has nothing better to serve.
  const least = accuracy >= accuracyMin + accuracyMargin ? accuracyMin : 0;
  const { state, reason } = await release(hall, path, 1, least);
  if (state !== 'completed') {
    throw new SimulationError('simulation/worker', `The rollout of the model ended as ${state}: ${reason}`);
  }
  await until(
    'the model at every gateway',
    async () => ((await gatewaysServing(hall, 1)) === hall.gateways.length ? true : undefined),
    hall.terminal,
    60_000,
  );
}

/** A model of the same form whose weights were never trained: signed as any other, and worthless. */
export async function badRelease(hall: Hall): Promise<HallResult['badRelease']> {
  const { folder, sensors } = hall;
  phase(hall, 'bad release: a worthless model is signed and rolled out');
  const path = join(folder, 'worthless.onnx');
  await writeFile(path, worthlessModel(hall.options.seed));
  const answersBefore = sensors.counts.answers;
  const rollout = await release(hall, path, 2, accuracyMin);
  const serving = await gatewaysServing(hall, 1);
  hall.panels.tell(`the rollout is ${rollout.state}: ${rollout.reason}`);
  return {
    rollout: rollout.state,
    reason: rollout.reason,
    gatewaysFailed: rollout.devicesFailed,
    gatewaysOnOldModel: serving,
    answersMeanwhile: sensors.counts.answers - answersBefore,
  };
}

/** Signs the model as a release, and brings it to the gateways in stages, each of which tries and watches it. */
async function release(hall: Hall, path: string, version: number, least: number): Promise<Rollout> {
  const { terminal, coordinator, folder, shown, panels } = hall;
  const { signal } = terminal;
  const own = clientArguments(coordinator);
  const key = ['--key', ownerKeyOf(folder)];
  if (version === 1) await runCommand('starling', ['release', 'init', ...key, ...own], signal);
  await runCommand(
    'starling',
    [
      ...['release', 'publish', path, '--name', modelName, '--release', `${version}`, '--task', taskName],
      ...['--accuracy', least.toFixed(3), '--watch-minutes', `${watchMinutes}`, ...key, ...own],
    ],
    signal,
  );
  await runCommand(
    'starling',
    ['rollout', 'start', modelName, `${version}`, '--stages', '34,100', ...own],
    signal,
  );
  let told = '';
  return until(
    `the end of the rollout of version ${version}`,
    async () => {
      checkAlive(hall.gateways);
      const state = await withRemote(coordinator, terminal, ({ releases }) =>
        releases.getReleaseState({}, { signal }),
      );
      for (const { deviceId, running } of state.devices) {
        const panel = shown.get(deviceId);
        if (panel !== undefined && running?.name === modelName && running.version > 0) {
          panel.serves = `${modelName} ${running.version} (int8)`;
        }
      }
      const rollout = state.rollouts.find((found) => found.name === modelName && found.version === version);
      if (rollout === undefined) return undefined;
      const { devicesReached, devicesProven, devicesFailed } = rollout;
      const now = `version ${version}: ${devicesReached} gateways reached, ${devicesProven} proven, ${devicesFailed} failed`;
      if (now !== told) panels.tell(now);
      told = now;
      return rollout.state === 'running' || rollout.state === 'paused' ? undefined : rollout;
    },
    terminal,
    120_000,
  );
}

/** How many gateways reported that a version of the model serves there. */
async function gatewaysServing({ coordinator, terminal, shown }: Hall, version: number): Promise<number> {
  const { devices } = await withRemote(coordinator, terminal, ({ releases }) =>
    releases.getReleaseState({}, { signal: terminal.signal }),
  );
  const serving = devices.filter(
    ({ running }) =>
      running?.name === modelName &&
      running.version === version &&
      (running.health === 'watched' || running.health === 'proven'),
  );
  for (const { deviceId } of serving) {
    const panel = shown.get(deviceId);
    if (panel !== undefined) panel.serves = `${modelName} ${version} (int8)`;
  }
  return serving.length;
}
