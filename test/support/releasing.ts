/** Models whose answers tell which release was asked, a device that serves them, and the commands that release them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphBuilder, writeModel } from '@starling/engine';
import { connect, createClient, ReleaseOperationsService } from '@starling/proto';
import { type CoordinatorAccess, enrolmentToken, isEnrolled, operatorSecurity } from './access.js';
import { type RunningProcess, runCommand, startProcess } from './child-process.js';
import type { Scope } from './scope.js';

/** Gives each example `factor` times itself. */
export function scalingModel(factor: number, elements = 3): Uint8Array {
  const builder = new GraphBuilder({ name: 'scaling' });
  const input = builder.input('x', 'float32', ['batch', elements]);
  builder.output(builder.op('Mul', [input, builder.scalar(factor)]), 'y');
  return writeModel(builder.build());
}

export interface Releasing {
  /** Runs `starling` on the coordinator; rejects where it fails. */
  starling(...args: readonly string[]): Promise<string>;
  /** Publishes a model as this version of `pump`. */
  publish(version: number, model: Uint8Array, ...options: readonly string[]): Promise<void>;
  /** Starts bringing this version of `pump` to all devices at once; one failure stops it. */
  rollOut(version: number): Promise<void>;
  /** Of the rollout of this version of `pump`. */
  rolloutState(version: number): Promise<string | undefined>;
}

export async function releasing(
  scope: Scope,
  coordinator: CoordinatorAccess,
  folder: string,
): Promise<Releasing> {
  const connection = connect(coordinator.address, await operatorSecurity(coordinator.folder));
  scope.onClose(() => connection.close());
  const operations = createClient(ReleaseOperationsService, connection);
  const env = { STARLING_DATA: coordinator.folder, STARLING_HOME: folder };
  const starling = async (...args: readonly string[]): Promise<string> => {
    const named = [...args, '--coordinator', coordinator.address];
    const { code, stdout, stderr } = await runCommand('starling', named, { env });
    if (code !== 0) throw new Error(`starling ${args.join(' ')} failed: ${stderr}`);
    return stdout;
  };
  return {
    starling,
    async rollOut(version) {
      await operations.startRollout({
        ...{ name: 'pump', version, provenPercent: 100, failuresMax: 0 },
        stages: [{ percent: 100, labelKey: '', labelValue: '' }],
      });
    },
    async rolloutState(version) {
      const { rollouts } = await operations.getReleaseState({});
      return rollouts.find((one) => one.name === 'pump' && one.version === version)?.state;
    },
    async publish(version, model, ...options) {
      const path = join(folder, `pump-${version}.onnx`);
      await writeFile(path, model);
      await starling('release', 'publish', path, '--name', 'pump', '--release', String(version), ...options);
    },
  };
}

export interface ServingDevice {
  readonly process: RunningProcess;
  /** What the serving model makes of a one; undefined where none serves. */
  answer(): Promise<number | undefined>;
}

/** An agent that serves and takes over releases, and trains nothing. */
export async function startServingDevice(
  scope: Scope,
  coordinator: CoordinatorAccess,
  folder: string,
  deviceId: string,
): Promise<ServingDevice> {
  const stateFolder = join(folder, deviceId);
  const token = (await isEnrolled(stateFolder)) ? undefined : await enrolmentToken(coordinator, deviceId);
  const config = join(folder, `${deviceId}.yaml`);
  const keys = {
    coordinator: coordinator.address,
    state: stateFolder,
    deviceId,
    telemetry: false,
    inference: { models: join(folder, `${deviceId}-models`), http: '127.0.0.1:0' },
    releases: { reportSecondsMax: 0.3 },
  };
  // JSON is YAML.
  await writeFile(config, JSON.stringify(keys));
  const env = token === undefined ? {} : { STARLING_AGENT_TOKEN: token };
  const process = startProcess(scope, 'starling-agent', ['run', '--config', config, '--json'], env);
  const line = await process.lineWhere('its door', (text) => text.includes('"http":"'));
  const { http } = JSON.parse(line) as { readonly http: string };
  await process.lineWhere('Agent started.', (text) => text.includes('Agent started.'));
  return {
    process,
    async answer() {
      const inputs = [{ name: 'x', shape: [1, 3], datatype: 'FP32', data: [1, 1, 1] }];
      const response = await fetch(`http://${http}/v2/models/pump/infer`, {
        method: 'POST',
        body: JSON.stringify({ inputs }),
      }).catch((error: unknown) => {
        throw new Error(`The device does not answer:\n${process.lines().slice(-12).join('\n')}`, {
          cause: error,
        });
      });
      if (!response.ok) return undefined;
      const { outputs } = (await response.json()) as { readonly outputs: { readonly data: number[] }[] };
      return outputs[0].data[0];
    },
  };
}
