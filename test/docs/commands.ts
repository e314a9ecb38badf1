/** Which of the project's commands a command line calls, and whether that command knows the options it is given. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Command, entryOf, repositoryRoot, runProgram } from '../support/index.js';

/** Says what is wrong with a command line; `undefined` where nothing is, or where it is not a command of ours. */
export type CheckCommand = (words: readonly string[]) => Promise<string | undefined>;

const ours: readonly string[] = ['starling', 'starling-agent', 'starling-sim'] satisfies readonly Command[];
const isOurs = (name: string | undefined): name is Command => name !== undefined && ours.includes(name);

const optionPattern = /^--?[a-zA-Z][a-zA-Z0-9-]*/;

export async function createCommandCheck(): Promise<CheckCommand> {
  const manifest = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const said = once(async (...args) => {
    const { code, stdout, stderr } = await runProgram(process.execPath, args);
    if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  });
  /** The help of a command and of each below it, by all their words. */
  const helpsOf = async (command: Command): Promise<Readonly<Record<string, string>>> =>
    JSON.parse(await said(join(repositoryRoot, 'test/docs/helps.mjs'), command, entryOf(command)));

  /** `words` after the command's name: the longest path of subcommands, then options that its help must list. */
  const checkOurs = async (command: Command, words: readonly string[]) => {
    const helps = await helpsOf(command);
    let path: string = command;
    let at = 0;
    while (at < words.length && helps[`${path} ${words[at]}`] !== undefined) path += ` ${words[at++]}`;
    const next = words[at];
    const isGroup = Object.keys(helps).some((other) => other.startsWith(`${path} `));
    if (isGroup && next !== undefined && !next.startsWith('-')) return `${path} has no command "${next}"`;
    return unknownOption(words, helps[path], path);
  };

  const checkBenchmark = async (words: readonly string[]) => {
    const stdout = await said('benchmarks/dist/main.js', '--help');
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

/** The same for the same words, asked for once. */
function once(ask: (...words: readonly string[]) => Promise<string>): typeof ask {
  const known = new Map<string, Promise<string>>();
  return (...words) => {
    const key = words.join(' ');
    const answer = known.get(key) ?? ask(...words);
    known.set(key, answer);
    return answer;
  };
}
