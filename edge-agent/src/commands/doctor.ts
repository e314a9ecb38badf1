/** `starling-agent doctor`: each thing that this device needs, whether it is there, and what to do where it is not. */
import { existsSync } from 'node:fs';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { systemClock } from '../adapters/system-clock.js';
import { readLinux } from '../conditions/linux-readings.js';
import { readRecordingFile } from '../examples/recording-file.js';
import { readPassword } from '../sensor-broker/settings.js';
import { notWritten } from '../state/atomic-file.js';
import { examineConfiguration, type ServiceArguments } from './configuration.js';
import { exitCodes } from './exit-codes.js';

export interface Finding {
  readonly check: string;
  readonly state: 'good' | 'warning' | 'wrong';
  readonly message: string;
}

const freeBytesMin = 256 << 20;

async function checkSpace(state: string): Promise<string | Finding> {
  const { bavail, bsize } = await statfs(state);
  const bytes = bavail * bsize;
  const free = `${Math.round(bytes / 1e6)} MB are free in ${state}`;
  if (bytes >= freeBytesMin) return `${free}.`;
  const message = `Only ${free}: make room on its disk, or lower "retention" and "telemetry.budgetMegabytes".`;
  // What is wrong keeps systemd from starting an agent, which serves models without any room.
  return { check: 'disk', state: 'warning', message };
}

/** Gives 0 where nothing is wrong, 2 otherwise. */
export async function doctor(args: ServiceArguments, json: boolean): Promise<number> {
  const findings: Finding[] = [];
  const check = async (name: string, look: () => Promise<string | Finding>): Promise<void> => {
    try {
      const found = await look();
      findings.push(typeof found === 'string' ? { check: name, state: 'good', message: found } : found);
    } catch (error) {
      findings.push({
        check: name,
        state: 'wrong',
        message: error instanceof Error ? error.message : String(error),
      });
    }
  };
  await check('runtime', async () => {
    const { availableRuntimes } = await import('../training/probe/runtimes.js');
    const found = await availableRuntimes();
    const where = `Node ${process.versions.node}, ${process.arch}`;
    if (found.includes('onnxruntime')) return `${where}; plans may require ${found.join(' or ')}.`;
    const message = `${where}; ONNX Runtime does not load here, so that no model is served${found.length > 0 ? ` and only tasks that take ${found.join(' or ')} are trained` : ' and nothing is trained'}: install onnxruntime-node for this machine.`;
    return { check: 'runtime', state: 'wrong', message };
  });
  const { problems, state, inference, ingestion, releases } = await examineConfiguration(args);
  for (const message of problems) findings.push({ check: 'configuration', state: 'wrong', message });
  if (problems.length === 0) {
    const valid = args.config === undefined ? 'Given by options.' : `${args.config} is valid.`;
    await check('configuration', async () => valid);
  }
  if (state !== undefined) {
    await check('state', async () => {
      if (!existsSync(state)) return `${state} is not there yet; it is made at the first start.`;
      await access(state, constants.R_OK | constants.W_OK).catch((error: unknown) => {
        throw notWritten(state, error);
      });
      const { mode } = await stat(state);
      if ((mode & 0o077) !== 0) {
        const message = `${state} can be read by others; it holds keys and examples: chmod 700 ${state}`;
        return { check: 'state', state: 'warning', message };
      }
      return `${state} is writable.`;
    });
    if (existsSync(state)) await check('disk', () => checkSpace(state));
  }
  if (inference !== undefined) {
    await check('models', async () => {
      const { openModelDirectory, createInferenceService } = await import('../inference/index.js');
      const directory = openModelDirectory(inference.models);
      const models = await directory.list();
      if (models.size === 0) {
        const message = `${inference.models} has no model; put one at NAME/VERSION/model.onnx.`;
        return { check: 'models', state: 'warning', message };
      }
      const service = createInferenceService(systemClock());
      for (const name of models.keys()) {
        const version = await directory.serving(name);
        if (version !== undefined) await service.load(name, version, await directory.read(name, version));
      }
      const told = service.statistics().map(({ model, version }) => `${model} ${version}`);
      await service.close();
      return `Loaded and run: ${told.join(', ')}.`;
    });
  }
  if (releases !== undefined && inference !== undefined && state !== undefined) {
    const { checkReleaseRoot, checkReleaseSpace } = await import('./doctor-releases.js');
    const { root } = releases;
    if (root !== undefined) {
      await check('release root', () => checkReleaseRoot(root, systemClock().now()));
    }
    await check('release space', () => checkReleaseSpace(state, inference.models));
  }
  const brokers = [ingestion?.broker, inference?.mqtt?.broker, inference?.results?.broker];
  for (const key of new Set(brokers.flatMap((broker) => broker?.key ?? []))) {
    const broker = brokers.find((candidate) => candidate?.key === key);
    if (broker?.passwordFile === undefined) continue;
    await check('broker', async () => {
      readPassword(broker);
      return `"${key}.passwordFile" can be read.`;
    });
  }
  for (const [task, { contract }] of ingestion?.recordings ?? []) {
    await check(`recording ${task}`, async () => {
      await readRecordingFile(task, contract);
      return `${contract} is valid.`;
    });
  }
  await check('sensors', async () => {
    const readings = await readLinux({ root: '/', meteredInterfaces: [], clock: systemClock() });
    const known = Object.entries(readings).filter(([, value]) => value !== undefined);
    return `This device tells ${known.map(([name, value]) => `${name} ${value}`).join(', ')}.`;
  });
  for (const finding of findings) {
    const mark = { good: 'ok     ', warning: 'warning', wrong: 'WRONG  ' }[finding.state];
    process.stdout.write(
      json ? `${JSON.stringify(finding)}\n` : `${mark} ${finding.check.padEnd(14)} ${finding.message}\n`,
    );
  }
  return findings.some((finding) => finding.state === 'wrong') ? exitCodes.usage : exitCodes.done;
}
