#!/usr/bin/env node
/** The command `starling-agent`: reads options and hands over to the commands. */
import { hideBin } from 'yargs/helpers';
import { runCommandLine } from './commands/command-line.js';

process.exitCode = await runCommandLine(hideBin(process.argv));
