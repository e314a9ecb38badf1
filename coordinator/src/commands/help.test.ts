import { afterEach, expect, test, vi } from 'vitest';
import { runCommandLine } from './command-line.js';
import { recordingTerminal } from './testing/recording-terminal.js';

afterEach(() => vi.restoreAllMocks());

async function printed(args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  expect(await runCommandLine(args, recordingTerminal().terminal)).toBe(0);
  return lines.join('\n');
}

/** The commands below one, as its help lists them. */
function below(help: string, command: readonly string[]): readonly string[] {
  const [, listed = ''] = /^Commands:\n((?: .*\n)*)/m.exec(help) ?? [];
  const prefix = ['starling', ...command, ''].join(' ');
  return listed.split('\n').flatMap((line) => {
    const [, name] = line.trim().startsWith(prefix)
      ? (/^([a-z-]+)/.exec(line.trim().slice(prefix.length)) ?? [])
      : [];
    return name === undefined ? [] : [name];
  });
}

test('the help of every command has examples and --json', async () => {
  const leaves: string[] = [];
  const lacking: string[] = [];
  const visit = async (command: readonly string[]): Promise<void> => {
    const help = await printed([...command, '--help']);
    const names = below(help, command);
    for (const name of names) await visit([...command, name]);
    if (names.length > 0 || command[0] === 'completion') return;
    leaves.push(command.join(' '));
    if (!help.includes('Examples:') || !help.includes('--json')) lacking.push(command.join(' '));
  };
  await visit([]);
  expect(leaves.length).toBeGreaterThan(40);
  expect(leaves).toEqual(expect.arrayContaining(['serve', 'run watch', 'rollout abort', 'model import']));
  expect(lacking).toEqual([]);
});

test('shells are told how to complete', async () => {
  expect(await printed(['completion'])).toContain('starling');
  const offered = (await printed(['--get-yargs-completions', 'starling', 'run', ''])).split('\n');
  expect(offered).toEqual(expect.arrayContaining(['start', 'list', 'watch', 'stop', 'resume']));
});
