import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatFeatureContract } from '@starling/engine/examples';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runCommand } from '../testing/run-command.js';
import { unavailable } from '../testing/scripted-coordinator.js';
import { contract, offer, smallExamples, smallTask, temporaryFolder } from '../testing/small-task.js';
import { agent, coordinator } from '../testing/start.js';

test('examples check counts sound examples and names the first fault of others', async () => {
  const folder = await smallExamples();
  const contractPath = join(folder, 'contract.json');
  await writeFile(contractPath, formatFeatureContract(contract));
  const sound = await runCommand('examples', 'check', folder, '--contract', contractPath, '--json');
  expect(sound.code).toBe(0);
  expect(JSON.parse(sound.stdout)).toEqual({ valid: true, examples: 40 });

  await writeFile(join(folder, 'examples.csv'), 'x,y,side\n0.1,7,1\n');
  const broken = await runCommand('examples', 'check', folder, '--contract', contractPath);
  expect(broken.code).toBe(4);
  expect(broken.stdout).toMatch(/examples\.csv: row 0 .*"y".*range \[-1, 1\]/);
});

test('status shows the device, its agent and the update that waits', async () => {
  const peer = await coordinator();
  const state = await temporaryFolder();
  peer.script.refuseUploads = unavailable;
  peer.script.assignments.push(offer(peer, smallTask(40_000)));
  const device = await agent(peer, { stateFolder: state, deviceId: 'porch' });
  await peer.until(() => peer.uploadOffsets.length > 0);
  const running = JSON.parse((await runCommand('status', '--state', state, '--json')).stdout);
  expect(running).toMatchObject({
    device: 'porch',
    processId: process.pid,
    updateWaiting: { bytes: 800_008 },
  });
  expect(running.cachedBytes).toBeGreaterThan(800_008);
  await device.stop();
  const stopped = await runCommand('status', '--state', state);
  expect(stopped.stdout).toMatch(/porch[\s\S]*not running[\s\S]*run run-1, round 1, attempt 1/);
});

test.each([
  [['run'], /--coordinator host:port/],
  [['run', '--coordinator', 'a:1', '--state', '/tmp/x', '--examples', 'nothing'], /TASK=FOLDER/],
  [['run', '--coordinatr', 'a:1'], /coordinatr/],
  [['run', '--state', 'a', '--state', 'b'], /--state is given more than once/],
  [['run', '--threads', '0', '--coordinator', 'a:1'], /--threads/],
  [['status', '--state', '/nonexistent'], /state directory/],
  [['examples', 'check', '/tmp', '--contract', '/nonexistent'], /--contract/],
  [['rnu'], /run/],
  [[], /training, drift, doctor, schema, status, releases or completion/],
])('%j exits with 2 and says what to do', async (args, says) => {
  const { code, stderr } = await runCommand(...args);
  expect(code).toBe(2);
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/\n\s+at /);
});

test('options come from the environment, and other variables do not disturb', async () => {
  vi.stubEnv('STARLING_AGENT', '/usr/bin/something');
  vi.stubEnv('STARLING_AGENT_COORDINATOR', 'nowhere');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const { stderr } = await runCommand('run', '--state', '/tmp/x', '--examples', 'a=b');
  expect(stderr).toMatch(/"nowhere" is not an address/);
});

test('help shows an example of every command', async () => {
  for (const args of [['run'], ['examples', 'check'], ['status']]) {
    const { code, stdout } = await runCommand(...args, '--help');
    expect(code).toBe(0);
    expect(stdout).toContain(`starling-agent ${args.join(' ')} `);
  }
});
