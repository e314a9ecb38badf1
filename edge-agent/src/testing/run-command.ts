import { vi } from 'vitest';
import { runCommandLine } from '../commands/command-line.js';

/** Runs `starling-agent` with these words in this process; gives its exit code and what it wrote. */
export async function runCommand(...args: string[]) {
  const written = { stdout: '', stderr: '' };
  const spies = [
    ...(['stdout', 'stderr'] as const).map((name) =>
      vi.spyOn(process[name], 'write').mockImplementation((text) => {
        written[name] += text;
        return true;
      }),
    ),
    // Help goes to the console.
    vi.spyOn(console, 'log').mockImplementation((text) => {
      written.stdout += `${text}\n`;
    }),
  ];
  try {
    return { code: await runCommandLine(args), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
