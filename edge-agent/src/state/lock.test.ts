import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { compiledBeside } from '../isolation/index.js';
import { temporaryFolder } from '../testing/small-task.js';
import { lockState } from './lock.js';

/** No process of this machine has it. */
const gone = 2 ** 22 + 1;

test('a lock that a killed process left behind is taken over, and one that lives is not', async () => {
  const folder = await temporaryFolder();
  await symlink(`${gone} boot 1`, join(folder, 'agent.pid'));
  const lock = await lockState(folder);
  await expect(lockState(folder)).rejects.toMatchObject({
    code: 'agent/state-in-use',
    message: expect.stringMatching(new RegExp(`process id ${process.pid}; stop it`)),
  });
  await lock.release();
  await (await lockState(folder)).release();
  expect((await readdir(folder)).filter((name) => name !== 'agent.pid.lock')).toEqual([]);
});

test('of agents that start together over what a killed one left, one has the state directory', async () => {
  const program = compiledBeside(import.meta.url, '../testing/lock-contender.js');
  const contenders = Array.from({ length: 4 }, () => fork(program));
  onTestFinished(() => {
    for (const contender of contenders) contender.kill();
  });
  await Promise.all(contenders.map((contender) => once(contender, 'message')));
  for (let round = 0; round < 20; round++) {
    const folder = await temporaryFolder();
    // As an agent of before left it, too.
    if (round % 2 === 0) await symlink(`${gone} boot 1`, join(folder, 'agent.pid'));
    else await writeFile(join(folder, 'agent.pid'), `${gone} boot 1\n`);
    const said = Promise.all(contenders.map(async (contender) => (await once(contender, 'message'))[0]));
    for (const contender of contenders) contender.send({ folder, atMs: Date.now() + 15 });
    expect((await said).sort()).toEqual([
      'agent/state-in-use',
      'agent/state-in-use',
      'agent/state-in-use',
      'has it',
    ]);
  }
});

test('a state directory that cannot be written is refused with what to do', async () => {
  await expect(lockState('/proc/self')).rejects.toMatchObject({
    code: 'agent/state-folder',
    message: expect.stringMatching(
      /^\/proc\/self\/agent\.pid cannot be written \(.*\); make room on its disk/,
    ),
  });
});
