/** `starling-agent examples check`. */
import { readFile } from 'node:fs/promises';
import { ExamplesError, openExamplesFolder, readContract } from '@starling/engine/examples';
import { parse } from 'yaml';
import { AgentError } from '../errors.js';
import { exitCodes } from './exit-codes.js';

/** Validates a folder against a contract (JSON or YAML) and says what was found; gives the exit code. */
export async function checkExamples(folder: string, contractPath: string, json: boolean): Promise<number> {
  const say = (result: object, sentence: string): void =>
    void process.stdout.write(json ? `${JSON.stringify(result)}\n` : `${sentence}\n`);
  let value: unknown;
  try {
    value = parse(await readFile(contractPath, 'utf8'));
  } catch (error) {
    throw new AgentError(
      'agent/configuration',
      `The contract ${contractPath} cannot be read as JSON or YAML; check that it exists and what --contract names.`,
      error,
    );
  }
  try {
    const { count } = await openExamplesFolder(folder, readContract(value, contractPath));
    say({ valid: true, examples: count }, `${folder}: ${count} examples meet the contract.`);
    return exitCodes.done;
  } catch (error) {
    if (error instanceof ExamplesError) {
      const { code, message, path, remedy } = error;
      say({ valid: false, code, path, message, remedy }, message);
      return exitCodes.examples;
    }
    throw error;
  }
}
