/** The unit as a real systemd runs it. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import {
  enrolmentToken,
  freePort,
  repositoryRoot,
  startCoordinatorProcess,
  temporaryFolder,
} from '../support/index.js';
import { containerMissing, installedAgent, startSystemd } from '../support/systemd-container.js';
import { testScope } from '../support/test-scope.js';

const missing = containerMissing();
if (missing !== undefined) console.warn(`SKIPPED: ${missing}`);

/** Shorter periods than on a device, and a signal upon which the event loop never turns again. */
const quicker = `[Service]
RestartSec=100ms
WatchdogSec=6
Environment=NODE_OPTIONS=--import=/opt/starling/hang.mjs
`;
const hang = `process.on('SIGUSR2', () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));\n`;

test.skipIf(missing !== undefined)(
  'systemd starts the unit, ends and restarts an agent that hangs, and stops it in order',
  { timeout: 90_000 },
  async () => {
    const scope = testScope();
    const folder = await temporaryFolder(scope, 'service');
    const coordinator = await startCoordinatorProcess(scope, { folder: join(folder, 'coordinator') });
    const unit = await readFile(resolve(repositoryRoot, 'deploy/systemd/starling-agent.service'), 'utf8');
    const port = await freePort();
    const token = await enrolmentToken(coordinator, 'gateway');
    const systemd = await startSystemd(
      scope,
      {
        ...installedAgent.files,
        '/etc/systemd/system/starling-agent.service': unit.replaceAll(
          '/usr/bin/starling-agent',
          installedAgent.command,
        ),
        '/etc/systemd/system/starling-agent.service.d/test.conf': quicker,
        '/opt/starling/hang.mjs': hang,
        '/etc/starling/agent.yaml': `coordinator: ${coordinator.address}
state: /var/lib/starling-agent
deviceId: gateway
token: ${token}
examples: { pump: /var/lib/starling-agent }
inference: { models: /opt/models, http: "127.0.0.1:${port}" }
training: { niceness: 10 }
`,
      },
      {
        ...installedAgent.shown,
        '/opt/models/mlp/1': resolve(repositoryRoot, 'test/oracles/models/mlp'),
      },
    );
    const property = (name: string) => systemd.property('starling-agent', name);
    const status = async () => (await systemd.systemctl('status', 'starling-agent')).stdout;
    const isReady = async () => (await fetch(`http://127.0.0.1:${port}/v2/models/mlp/ready`)).status;
    const started = await systemd.systemctl('start', 'starling-agent');
    expect(started.code, `${await status()}${started.stderr}`).toBe(0);
    expect(await property('ActiveState')).toBe('active');
    expect(await isReady()).toBe(200);
    const first = await property('MainPID');

    await systemd.systemctl('kill', '--kill-whom=main', '--signal=SIGUSR2', 'starling-agent');
    // Nothing else ends it. Its certificate is there still, and its token was good once.
    await systemd.activeAfter('starling-agent', 1);
    expect(await property('MainPID')).not.toBe(first);
    expect(await isReady()).toBe(200);

    expect((await systemd.systemctl('stop', 'starling-agent')).code).toBe(0);
    expect(await property('ActiveState')).toBe('inactive');
    expect(await property('Result')).toBe('success');
    expect(await property('ExecMainStatus')).toBe('0');
    expect(await property('NRestarts')).toBe('1');
  },
);
