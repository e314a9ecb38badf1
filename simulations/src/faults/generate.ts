/**
 * Draws a seed's operations. Each seed leaves some kinds of faults out altogether (swarm testing, Groce et al. 2012):
 * what one fault would hide, another seed shows.
 */
import { type Chance, createChance } from '../world/chance.js';
import { releaseManners } from '../world/serving.js';
import { deviceNames, type FaultTask } from './fleet.js';
import { misbehaviours, type Operation, releaseAttacks } from './operation.js';

/** Faults begin and end within it. */
export const faultsMs = 30_000;

const taskNames: readonly FaultTask[] = ['plain', 'masked', 'private', 'median'];
const faultKinds = [
  'kill-coordinator',
  'kill-device',
  'part',
  'weather',
  'fill-disk',
  'fail-commit',
  'clock-jump',
  'misbehave',
  'attack-releases',
  'leave',
  'revoke',
  'operate',
] as const;
type FaultKind = (typeof faultKinds)[number];

/** The devices are there from the start unless an operation says otherwise. */
export function generateOperations(seed: number): Operation[] {
  const chance = createChance(seed).fork('operations');
  const drawn = faultKinds.filter(() => chance.happens(0.5));
  const operations: Operation[] = [];
  const runs = 1 + chance.integer(2);
  for (let run = 0; run < runs; run += 1) {
    // Masked rounds are what most can go wrong in.
    const task = chance.happens(0.4) ? 'masked' : chance.pick(taskNames);
    operations.push({ atMs: 200 + chance.integer(run === 0 ? 500 : 10_000), kind: 'start-run', task });
  }
  if (chance.happens(0.4)) {
    const records = 1 + chance.integer(4);
    for (let i = 0; i < records; i += 1) {
      const device = chance.pick(deviceNames);
      operations.push({
        atMs: chance.integer(faultsMs),
        kind: 'record',
        device,
        records: 1 + chance.integer(30),
      });
    }
  }
  const releases = chance.happens(0.25) ? 1 + chance.integer(3) : 0;
  for (let release = 0; release < releases; release += 1) {
    const manner = chance.happens(0.6) ? 'good' : chance.pick(releaseManners);
    operations.push({ atMs: 300 + chance.integer(faultsMs / 2), kind: 'release', manner });
  }
  // Some seeds have no faults: then everything must go well, not only nothing wrong.
  const kinds = drawn.filter((kind) => kind !== 'attack-releases' || releases > 0);
  const faults = kinds.length === 0 || chance.happens(0.04) ? 0 : 1 + chance.integer(7);
  if (faults > 0 && chance.happens(0.3)) {
    operations.push({
      atMs: faultsMs,
      kind: 'recover',
      task: chance.happens(0.6) ? 'masked' : chance.pick(taskNames),
    });
  }
  // Most rounds are young: that is when most is under way.
  const when = (): number => Math.floor(chance.uniform() ** 2 * faultsMs);
  for (let i = 0; i < faults; i += 1) {
    const kind = chance.pick(kinds);
    // Who misbehaves does so from the beginning: what it says later, nobody may ask for any more.
    const atMs = kind === 'misbehave' ? chance.integer(1_000) : when();
    operations.push({ atMs, ...fault(kind, chance) });
  }
  return operations.sort((a, b) => a.atMs - b.atMs);
}

type Untimed = Operation extends infer Each ? (Each extends Operation ? Omit<Each, 'atMs'> : never) : never;

function fault(kind: FaultKind, chance: Chance): Untimed {
  const device = chance.pick(deviceNames);
  const ms = 200 + chance.integer(12_000);
  const kill = (machine: string): Untimed => ({
    kind: 'kill',
    machine,
    power: chance.happens(0.5),
    at: chance.pick(['step', 'before-commit', 'after-commit'] as const),
    count: 1 + chance.integer(chance.happens(0.5) ? 8 : 40),
    downMs: 100 + chance.integer(chance.happens(0.2) ? 15_000 : 2_000),
  });
  switch (kind) {
    case 'kill-coordinator':
      return kill('coordinator');
    case 'kill-device':
      return kill(device);
    case 'part':
      return { kind: 'part', machine: chance.happens(0.2) ? 'coordinator' : device, ms };
    case 'weather': {
      const weather = {
        delayMsMax: chance.pick([5, 50, 500, 3_000]),
        loss: chance.pick([0, 0.02, 0.1, 0.3]),
        duplicates: chance.pick([0, 0.1, 0.5]),
      };
      return { kind: 'weather', weather, ms };
    }
    case 'fill-disk':
      return { kind: 'fill-disk', machine: chance.happens(0.6) ? 'coordinator' : device, ms };
    case 'fail-commit':
      return { kind: 'fail-commit', count: 1 + chance.integer(12) };
    case 'clock-jump': {
      const byMs = chance.pick([-3_600_000, -30_000, 5_000, 60_000, 86_400_000]);
      return { kind: 'clock-jump', machine: chance.happens(0.5) ? 'coordinator' : device, byMs };
    }
    case 'misbehave':
      return { kind: 'misbehave', device, how: chance.pick(misbehaviours), ms };
    case 'attack-releases':
      return { kind: 'attack-releases', device, how: chance.pick(releaseAttacks), ms };
    case 'leave':
      return chance.happens(0.5) ? { kind: 'leave', device } : { kind: 'join', device };
    case 'revoke':
      return { kind: 'revoke', device };
    case 'operate':
      return chance.pick<Untimed>([
        { kind: 'stop-run' },
        { kind: 'resume-run' },
        { kind: 'apply-task', task: chance.pick(taskNames), learningRate: 0.01 * (1 + chance.integer(20)) },
      ]);
  }
}
