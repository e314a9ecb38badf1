/**
 * Does what guides say, as they say it: their blocks, in order, are one shell's session in an empty folder. A block whose
 * fence names a file (`yaml first.yaml`) writes it, a shell block is run to the letter, and what goes on until it is stopped
 * goes on beside the rest, as in a terminal of its own.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot, runProgram, type Scope, temporaryFolder } from '../support/index.js';
import { type CodeBlock, codeBlocks, shells } from './markdown.js';

export interface Walk {
  /** Sections, `docs/guides/faults.md#hunting-for-bugs`, in the order in which they are replayed. */
  readonly sections: readonly Section[];
  readonly replacements?: readonly Replacement[];
  /** Of the shell, beside a home of its own. */
  readonly env?: Readonly<Record<string, string>>;
}

export type Section = string | { readonly section: string; readonly given: Given };

/** What the section takes as there, made by a line of shell; `$repository` is this repository. */
export interface Given {
  readonly line: string;
  readonly why: string;
}

/** Text of the sections that cannot stand in a test as it stands in a guide; each must be found. */
export interface Replacement {
  readonly text: string;
  readonly by: string;
  readonly why: string;
}

/** What all commands printed. Rejects with the page and line of the block in which something failed. */
export async function replay(scope: Scope, walk: Walk): Promise<string> {
  const folder = await temporaryFolder(scope, 'guide');
  for (const name of ['home', 'logs', 'work']) await mkdir(join(folder, name));
  const { code, stdout, stderr } = await runProgram('bash', ['-c', await scriptOf(walk)], {
    cwd: join(folder, 'work'),
    env: { ...walk.env, HOME: join(folder, 'home'), logs: join(folder, 'logs'), repository: repositoryRoot },
    timeoutMs: 170_000,
    ownsGroup: true,
  });
  const said = `${stdout}\n${stderr}`;
  if (code !== 0) throw new Error(`A guide does not work as written:\n${said}`);
  return said;
}

/** The blocks of a section that are replayed. */
export async function blocksOf(section: string): Promise<CodeBlock[]> {
  const [path, anchor] = section.split('#');
  const all = codeBlocks({ path, text: await readFile(join(repositoryRoot, path), 'utf8') });
  return all.filter((block) => block.section === anchor && (isShell(block) || block.file !== undefined));
}

const isShell = ({ language }: CodeBlock): boolean => shells.includes(language);

async function scriptOf({ sections, replacements = [] }: Walk): Promise<string> {
  const script: string[] = [];
  for (const one of sections) {
    const { section, given } = typeof one === 'string' ? { section: one, given: undefined } : one;
    if (given !== undefined) script.push(`at='before ${section}'`, given.line);
    const blocks = await blocksOf(section);
    if (blocks.length === 0) throw new Error(`${section} has no block to replay.`);
    for (const block of blocks) script.push(`at='${block.path}:${block.line}'`, ...commandsOf(block));
  }
  let text = script.join('\n');
  for (const replacement of replacements) {
    if (!text.includes(replacement.text)) throw new Error(`"${replacement.text}" is in no block any more.`);
    text = text.replaceAll(replacement.text, () => replacement.by);
  }
  return [preamble, text, ending].join('\n');
}

function commandsOf(block: CodeBlock): readonly string[] {
  if (isShell(block)) return block.lines;
  return [
    `mkdir -p "$(dirname '${block.file}')"`,
    `cat > '${block.file}' <<'END-OF-BLOCK'`,
    ...block.lines,
    'END-OF-BLOCK',
  ];
}

/**
 * The project's commands as functions of the shell. What serves or works until it is stopped is left behind once it says
 * that it is ready.
 */
const preamble = `
set -Eeuo pipefail
trap 'echo "$at: failed: $BASH_COMMAND" >&2; tail -n 20 "$logs"/* >&2' ERR
begun=()
call() { '${process.execPath}' "$repository/scripts/run.mjs" "$@"; }
begin() {
  local ready=$1 log="$logs/\${#begun[@]}"
  shift
  # Not "call": the signal at the end is for the program, not for a shell around it.
  '${process.execPath}' "$repository/scripts/run.mjs" "$@" > "$log" 2>&1 &
  begun+=($!)
  until grep -q "$ready" "$log"; do kill -0 $! || return 1; sleep 0.05; done
}
starling() { if [ "$1" = serve ]; then begin 'coordinator serves' starling "$@"; else call starling "$@"; fi; }
starling-agent() { if [ "$1" = run ]; then begin 'Agent started' starling-agent "$@"; else call starling-agent "$@"; fi; }
starling-sim() { call starling-sim "$@"; }
`;

/** Stopped as by Ctrl-C in each terminal, devices before their coordinator; each must end well. */
const ending = `
for ((i = \${#begun[@]} - 1; i >= 0; i--)); do
  at="at the end of what began as number $i"
  kill "\${begun[i]}"
  wait "\${begun[i]}"
done
`;
