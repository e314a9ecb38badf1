/** `starling demo`: a coordinator and agents, each a process of its own, learn MNIST together on this machine. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Digits, readMnist } from '@starling/engine';
import { delay } from '@starling/federation';
import { type Run, requireField } from '@starling/proto';
import { createSystemEntropy } from '../adapters/index.js';
import { makeNamedFolder } from '../artifacts/index.js';
import { applySigned } from '../commands/apply-signed.js';
import { type Remote, withCredentials } from '../commands/connection.js';
import { readCredentials } from '../commands/credentials.js';
import { exitCodes } from '../commands/exit-codes.js';
import { UsageError } from '../commands/explain.js';
import { exportModelTo } from '../commands/export-model.js';
import { ownerKeyIn } from '../commands/owner-key.js';
import { elapsedMs, newest } from '../commands/run-progress.js';
import { createRunView, type RunView, styleFor } from '../commands/run-view.js';
import { printJson, printLine, remark, type Terminal } from '../commands/terminal.js';
import { classify } from './classify.js';
import { drawingStyle, imagesAbreast } from './draw.js';
import { writeExamples } from './mnist.js';
import { checkDemoOptions, type DemoOptions } from './options.js';
import { splitByShards, splitEvenly } from './partition.js';
import {
  findAgent,
  isAlive,
  type OwnProcess,
  startCoordinatorProcess,
  startProcess,
  stopProcesses,
} from './processes.js';
import { accuracies, classificationPicture, type DemoResult, resultTable, roundsTo } from './report.js';
import { demoTask } from './task.js';

export type { DemoOptions } from './options.js';
export type { DemoResult } from './report.js';

/** Gives the exit code. Whatever happens, its processes are gone and its temporary folder is removed afterwards. */
export async function runDemo(options: DemoOptions, terminal: Terminal): Promise<number> {
  checkDemoOptions(options);
  const agentEntry = findAgent(options.agent);
  const { clock, signal } = terminal;
  const startedMs = clock.monotonic();
  const folder = await makeFolder(options.folder);
  const keeps = options.keep || options.folder !== undefined;
  const processes: OwnProcess[] = [];
  let stopping = false;
  try {
    const tell = (text: string): void => remark(terminal, text);
    tell(`Splitting 60,000 images over ${options.agents} agents${options.iid ? '' : ' by label'} …`);
    const test = await prepareExamples(options, folder);
    tell(`Starting a coordinator and ${options.agents} agents …`);
    const coordinatorLog = join(folder, 'coordinator.log');
    const coordinatorFolder = join(folder, 'coordinator');
    const started = await startCoordinatorProcess(coordinatorFolder, coordinatorLog, signal);
    processes.push(started.own);
    const credentials = await readCredentials({ data: coordinatorFolder }, { ...terminal, env: {} });
    return await withCredentials(started.address, credentials, async (remote) => {
      const token = await enrolmentToken(remote, options.agents, signal);
      for (let agent = 0; agent < options.agents; agent += 1) {
        const own = startAgent(agentEntry, agent, started.address, folder, token);
        processes.push(own);
        own.gone.then(() => {
          if (!stopping) tell(`${own.name} ended early; the others go on. Its log is ${own.logPath}.`);
        });
      }
      const run = await startRun(remote, options, processes, folder, terminal);
      const view = await followRun(remote, run, options, terminal);
      const model = join(folder, 'mnist.onnx');
      const target = { path: model, overwrite: true };
      const exported = await exportModelTo(remote, { runId: run.runId, round: 0 }, target, terminal);
      const classified = await classify(model, test);
      const final = requireField(
        (await remote.operations.getRun({ runId: run.runId }, { signal })).run,
        'GetRunResponse.run',
      );
      const { task } = await remote.operations.getTask({ name: 'mnist' }, { signal });
      const { progress } = view;
      const result: DemoResult = {
        rounds: progress.roundsCommitted,
        testAccuracy: classified.accuracy,
        testLoss: newest(progress, 'loss') ?? null,
        seconds: Math.round(clock.monotonic() - startedMs) / 1000,
        trainingSeconds: elapsedMs(progress) / 1000,
        bytesUploaded: final.bytesUploaded,
        bytesDownloaded: final.bytesDownloaded,
        agents: options.agents,
        iid: options.iid,
        seed: options.seed,
        strategy: strategyOf(requireField(task, 'GetTaskResponse.task').definitionJson),
        encoding: encodingOf(options),
        secureAggregation: options.secureAggregation,
        encodingReport: progress.encoding ?? null,
        parameters: requireField(task, 'GetTaskResponse.task').parameterCount,
        roundsTo: roundsTo(progress, [0.9, 0.95, 0.97]),
        attemptsAbandoned: progress.attemptsAbandoned,
        privacy: final.privacy
          ? {
              epsilon: final.privacy.epsilon,
              budget: final.privacy.epsilonBudget,
              delta: final.privacy.delta,
            }
          : null,
        accuracyByRound: accuracies(progress).map(({ value }) => value),
        modelSha256: exported.sha256,
        folder: keeps ? folder : null,
      };
      if (options.json) printJson(terminal, result);
      else show(result, options, test, classified, terminal);
      return progress.ended?.state === 'completed' ? exitCodes.done : exitCodes.runFailed;
    });
  } finally {
    stopping = true;
    await stopProcesses(processes, clock);
    if (!keeps) await rm(folder, { recursive: true, force: true });
  }
}

async function makeFolder(named: string | undefined): Promise<string> {
  if (named === undefined) return mkdtemp(join(tmpdir(), 'starling-demo-'));
  const folder = resolve(named);
  await makeNamedFolder(folder);
  return folder;
}

/** One folder for each agent, one for the coordinator's evaluation; gives the test images. */
async function prepareExamples(options: DemoOptions, folder: string): Promise<Digits> {
  const [train, test] = await Promise.all([readMnist('train'), readMnist('t10k')]);
  const { agents, seed, iid } = options;
  const parts = iid ? splitEvenly(train.count, agents, seed) : splitByShards(train.labels, agents, seed);
  await writeExamples(join(folder, 'test-images'), test, Uint32Array.from(test.labels.keys()));
  await Promise.all(parts.map((part, agent) => writeExamples(examplesOf(folder, agent), train, part)));
  return test;
}

const agentFolder = (folder: string, agent: number): string => join(folder, `agent-${agent + 1}`);
const examplesOf = (folder: string, agent: number): string => join(agentFolder(folder, agent), 'examples');

/** One token that lets each agent enrol once. */
async function enrolmentToken({ fleet }: Remote, agents: number, signal: AbortSignal): Promise<string> {
  const settings = { group: 'demo', deviceId: '', lifetimeMs: tokenLifetimeMs, usesMax: agents };
  return (await fleet.createToken(settings, { signal })).text;
}

const tokenLifetimeMs = 600_000;

function startAgent(
  entry: string,
  agent: number,
  address: string,
  folder: string,
  token: string,
): OwnProcess {
  const own = agentFolder(folder, agent);
  const args = ['run', '--coordinator', address, '--state', join(own, 'state')];
  const examples = ['--examples', `mnist=${examplesOf(folder, agent)}`, '--device-id', `agent-${agent + 1}`];
  return startProcess(
    `agent-${agent + 1}`,
    entry,
    [...args, ...examples, '--no-telemetry', '--log-level', 'info'],
    join(own, 'agent.log'),
    // Not an argument: those can be seen by everybody on the machine.
    'ignore',
    { STARLING_AGENT_TOKEN: token },
  );
}

/**
 * Starts the run once every agent is there: a first round without some of them would not be reproducible. In a folder whose
 * last demo was killed it goes on with that run: what its rounds have spent stays spent.
 */
async function startRun(
  { operations }: Remote,
  options: DemoOptions,
  processes: readonly OwnProcess[],
  folder: string,
  terminal: Terminal,
): Promise<Run> {
  const { clock, signal } = terminal;
  const definition = demoTask(options, join(folder, 'test-images'));
  const ownerKey = await ownerKeyIn(join(folder, 'owner.key'), createSystemEntropy());
  const before = (await operations.listRuns({ taskName: definition.name }, { signal })).runs;
  const unfinished = before.find(({ state }) => state === 'running');
  if (unfinished === undefined) await applySigned(operations, definition, ownerKey, signal);
  for (;;) {
    const gone = processes.find(({ child }) => !isAlive(child));
    if (gone) {
      throw new UsageError(
        `${gone.name} ended; its log is ${gone.logPath}.`,
        'Run again with --keep to read it.',
      );
    }
    const { devicesSeen } = await operations.getStatus({}, { signal });
    if (devicesSeen >= options.agents) break;
    await delay(clock, 100, signal);
  }
  if (unfinished !== undefined) {
    remark(
      terminal,
      'Going on with the run of the folder’s last demo; all options but those of the agents are its own.',
    );
    return unfinished;
  }
  const { run } = await operations.startRun({ taskName: 'mnist', seed: options.seed }, { signal });
  return requireField(run, 'StartRunResponse.run');
}

/** Shows the run until it ends; standard output stays free for the result. */
async function followRun(
  { operations }: Remote,
  run: Run,
  options: DemoOptions,
  terminal: Terminal,
): Promise<RunView> {
  const view = createRunView(terminal, styleFor(terminal, false), options.rounds);
  try {
    const request = { runId: run.runId, afterSequence: 0 };
    for await (const { event } of operations.watchRun(request, { signal: terminal.signal })) {
      if (event) view.show(event);
    }
  } finally {
    view.close();
  }
  return view;
}

function encodingOf({ secureAggregation, encoding, bits, rotation }: DemoOptions): string {
  if (!secureAggregation) return encoding;
  return `${bits} bits${rotation ? ', rotated' : ''}, under masks`;
}

function strategyOf(definitionJson: string): string {
  return (JSON.parse(definitionJson) as { readonly strategy: { readonly kind: string } }).strategy.kind;
}

function show(
  result: DemoResult,
  options: DemoOptions,
  test: Digits,
  classified: Awaited<ReturnType<typeof classify>>,
  terminal: Terminal,
): void {
  // The first images, and one that the model gets wrong: the honest picture.
  const wrong = classified.predictions.findIndex((found, index) => found !== test.labels[index]);
  const isTerminal = 'isTTY' in terminal.out && terminal.out.isTTY === true;
  const columns = isTerminal && 'columns' in terminal.out ? Number(terminal.out.columns) : Infinity;
  const shown = [0, 1, ...(wrong < 0 ? [2] : [wrong])].slice(-imagesAbreast(columns, 28));
  printLine(terminal, '\nThe exported model looks at test images:\n');
  printLine(terminal, classificationPicture(test, classified, shown, drawingStyle(terminal.env, isTerminal)));
  printLine(terminal, `\n${resultTable(result, options)}`);
  if (result.folder !== null) printLine(terminal, `Kept in ${result.folder}; the model is mnist.onnx there.`);
}
