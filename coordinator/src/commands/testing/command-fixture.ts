/** Command lines against a coordinator of their own, as its operator and its tasks' owner. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { vi } from 'vitest';
import { type Fixture, startFixture, taskJson, temporaryFolder } from '../../testing/coordinator-fixture.js';
import { takePart } from '../../testing/scripted-device.js';
import { runCommandLine } from '../command-line.js';
import { recordingTerminal } from './recording-terminal.js';

export interface CommandFixture {
  readonly fixture: Fixture;
  /** The operator's own; the task `toy` is in `toy.json`. */
  readonly folder: string;
  /** Runs one command line against the fixture, or wherever `env` says. */
  starling(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<CommandResult>;
  /** Three devices that take part in so many rounds. */
  takePart(rounds: number): Promise<void>;
  close(): Promise<void>;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  /** What help says goes to the console. */
  readonly help: string;
}

export async function startCommandFixture(): Promise<CommandFixture> {
  const fixture = await startFixture();
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'toy.json'), taskJson());

  const starling = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> => {
    const { host, port } = fixture.coordinator.address;
    const { terminal, text } = recordingTerminal({
      STARLING_COORDINATOR: `${host}:${port}`,
      STARLING_DATA: fixture.folder,
      STARLING_HOME: folder,
      ...env,
    });
    const printed: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
    try {
      const exitCode = await runCommandLine(args, terminal);
      return { exitCode, ...text, help: printed.join('\n') };
    } finally {
      log.mockRestore();
    }
  };

  await starling(['key', 'create']);
  return {
    fixture,
    folder,
    starling,
    async takePart(rounds) {
      await Promise.all(
        ['d-1', 'd-2', 'd-3'].map(async (deviceId) => {
          for (let round = 0; round < rounds; round += 1) await takePart(fixture, deviceId);
        }),
      );
    },
    async close() {
      await fixture.close();
      await rm(folder, { recursive: true });
    },
  };
}
