/** Which of the project's commands a command line calls, and whether that command knows the options it is given. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Finished, repositoryRoot, runCommand, runProgram } from '../support/index.js';

/** Says what is wrong with a command line; `undefined` where nothing is, or where it is not a command of ours. */
export type CheckCommand = (words: readonly string[]) => Promise<string | undefined>;

type OurCommand = 'starling' | 'starling-agent' | 'starling-sim';

const ours: readonly string[] = [
  'starling',
  'starling-agent',
  'starling-sim',
] satisfies readonly OurCommand[];
const isOurs = (name: string | undefined): name is OurCommand => name !== undefined && ours.includes(name);

const optionPattern = /^--?[a-zA-Z][a-zA-Z0-9-]*/;

export async function createCommandCheck(): Promise<CheckCommand> {
  const helps = new Map<string, Promise<Finished>>();
  const manifest = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const helpOf = (command: OurCommand, path: readonly string[]): Promise<Finished> => {
    const key = [command, ...path].join(' ');
    const known = helps.get(key) ?? runCommand(command, [...path, '--help']);
    helps.set(key, known);
    return known;
  };

  /** `words` after the command's name: the longest path of subcommands, then options that its help must list. */
  const checkOurs = async (command: OurCommand, words: readonly string[]) => {
    let path: string[] = [];
    let help = await helpOf(command, path);
    for (const word of words) {
      if (!new RegExp(`^\\s+${command} ${[...path, word].join(' ')}(?:\\s|$)`, 'm').test(help.stdout)) break;
      path = [...path, word];
      help = await helpOf(command, path);
    }
    if (path.length === 0 && !['--help', '--version', '--json'].includes(words[0] ?? '--help')) {
      return `${command} has no command "${words[0]}"`;
    }
    return unknownOption(words, help.stdout, [command, ...path].join(' '));
  };

  let benchmarkHelp: Promise<Finished> | undefined;
  const checkBenchmark = async (words: readonly string[]) => {
    benchmarkHelp ??= runProgram(process.execPath, ['benchmarks/dist/main.js', '--help']);
    const { stdout } = await benchmarkHelp;
    const [name] = words;
    if (name !== undefined && !name.startsWith('-') && !new RegExp(`^\\s+${name}\\s`, 'm').test(stdout)) {
      return `there is no benchmark "${name}"`;
    }
    return unknownOption(words, `${stdout}\n--help`, 'bench');
  };

  const checkScript = async (name: string | undefined, words: readonly string[]) => {
    if (name === undefined || manifest.scripts[name] === undefined)
      return `package.json has no script "${name}"`;
    switch (name) {
      case 'demo:edge':
        return checkOurs('starling-sim', ['hall', ...words]);
      case 'demo':
        return checkOurs('starling', ['demo', ...words]);
      case 'starling':
      case 'starling-agent':
      case 'starling-sim':
        return checkOurs(name, words);
      case 'bench':
        return checkBenchmark(words);
      default:
        return undefined;
    }
  };

  return async (words) => {
    const [program, ...rest] = withoutAssignments(words);
    if (isOurs(program)) return checkOurs(program, rest);
    if (program !== 'npm' && program !== 'npx') return undefined;
    const afterDashes = rest.includes('--') ? rest.slice(rest.indexOf('--') + 1) : [];
    if (program === 'npx') {
      const [name, ...args] = rest;
      return isOurs(name) ? checkOurs(name, args) : undefined;
    }
    if (rest[0] === 'test') return checkScript('test', afterDashes);
    return rest[0] === 'run' ? checkScript(rest[1], afterDashes) : undefined;
  };
}

/** The words of each simple command of a shell line; quotes kept together, redirections dropped. */
export function simpleCommands(line: string): string[][] {
  const inner = line.replaceAll(/\$\(([^)]*)\)/g, ' ; $1 ; ');
  const words =
    inner.match(/"[^"]*"|'[^']*'|&&|\|\||[;|&]|[^\s;|&"']+(?:"[^"]*"|'[^']*'|[^\s;|&"']+)*/g) ?? [];
  const commands: string[][] = [[]];
  for (const word of words) {
    if (/^(?:&&|\|\||[;|&])$/.test(word)) commands.push([]);
    else if (!/^\d?[<>]/.test(word)) commands.at(-1)?.push(word.replaceAll(/["']/g, ''));
  }
  return commands.filter((command) => command.length > 0);
}

function withoutAssignments(words: readonly string[]): readonly string[] {
  const first = words.findIndex((word) => !/^[A-Za-z_][A-Za-z0-9_]*=/.test(word));
  return first < 0 ? [] : words.slice(first);
}

function unknownOption(words: readonly string[], help: string, name: string): string | undefined {
  for (const word of words) {
    const option = optionPattern.exec(word)?.[0];
    if (option === undefined) continue;
    const plain = option.replace(/^--no-/, '--');
    const known = new RegExp(`(?:^|[\\s,])(?:${option}|${plain})(?![A-Za-z0-9-])`, 'm').test(help);
    if (!known) return `"${name}" does not know ${option}`;
  }
  return undefined;
}
