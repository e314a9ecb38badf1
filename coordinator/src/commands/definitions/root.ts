import type { Argv } from 'yargs';
import { UsageError } from '../explain.js';

/** The parser that commands are added to, with the options that all of them have. */
export type Root = Argv<{ json: boolean }>;

/** Takes the exit code of a command that can end in more than one way. */
export type Done = (exitCode: number) => void;

/** For `check`: true, or throws what is wrong with the option. */
export function isWithin(option: string, value: number | undefined, least: number, most: number): true {
  if (value === undefined || (value >= least && value <= most)) return true;
  throw new UsageError(`--${option} must be a number from ${least} to ${most}.`);
}

/** The same for whole numbers. */
export function isWhole(option: string, value: number | undefined, least: number, most: number): true {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return true;
  throw new UsageError(`--${option} must be a whole number from ${least} to ${most}.`);
}
