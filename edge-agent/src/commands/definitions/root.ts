import type { Argv } from 'yargs';

/** The parser that commands are added to, with the options that all of them have. */
export type Root = Argv<{ json: boolean }>;

/** Takes the exit code of a command that can end in more than one way. */
export type Done = (exitCode: number) => void;
