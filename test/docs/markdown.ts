/** The project's pages, as far as they can be checked: fenced blocks, links, headings. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { repositoryRoot } from '../support/index.js';

export interface Page {
  /** From the repository's root. */
  readonly path: string;
  readonly text: string;
}

export interface CodeBlock {
  readonly path: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** The anchor of the heading above it. */
  readonly section: string;
  /** The first word behind the fence: `sh`, `yaml`. */
  readonly language: string;
  /** The second: the file that the block is, `first.yaml`. */
  readonly file: string | undefined;
  readonly lines: readonly string[];
}

/** Languages of blocks that are typed into a shell. */
export const shells: readonly string[] = ['sh', 'bash', 'shell', 'console'];

const folders = ['.', 'docs', 'benchmarks', 'deploy', '.ci'];

/** Every page for readers: at the root, and anywhere below the folders that have some. */
export async function readPages(): Promise<Page[]> {
  const pages: Page[] = [];
  for (const folder of folders) {
    const names = await readdir(join(repositoryRoot, folder), { recursive: folder !== '.' }).catch(() => []);
    for (const name of names) {
      if (!name.endsWith('.md') || name.includes('node_modules')) continue;
      const path = join(repositoryRoot, folder, name);
      pages.push({ path: relative(repositoryRoot, path), text: await readFile(path, 'utf8') });
    }
  }
  return pages;
}

export function codeBlocks({ path, text }: Page): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let section = '';
  let open: (CodeBlock & { readonly lines: string[] }) | undefined;
  text.split('\n').forEach((line, index) => {
    const fence = /^\s*```(.*)$/.exec(line);
    if (fence === null) {
      if (open === undefined) section = anchorOf(line) ?? section;
      else open.lines.push(line);
    } else if (open === undefined) {
      const [language, file] = fence[1].trim().split(' ');
      open = { path, line: index + 1, section, language, file, lines: [] };
    } else {
      blocks.push(open);
      open = undefined;
    }
  });
  return blocks;
}

/** The command lines of a shell block: continuations joined, comments and prompts dropped. */
export function commandLines({ lines }: CodeBlock): string[] {
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) =>
      line
        .replace(/^\s*\$ /, '')
        .replace(/(^|\s)#.*$/, '')
        .trim(),
    )
    .filter((line) => line !== '');
}

/** Targets of links and images, outside of code. */
export function linksOf({ text }: Page): string[] {
  const prose = text.replaceAll(/```[\s\S]*?```/g, '').replaceAll(/`[^`\n]*`/g, '');
  const inline = [...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)].map(([, target]) => target);
  const html = [...prose.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, target]) => target);
  return [...inline, ...html];
}

/** The anchors that GitHub makes of the headings. */
export function anchorsOf({ text }: Page): Set<string> {
  const anchors = text
    .replaceAll(/```[\s\S]*?```/g, '')
    .split('\n')
    .map(anchorOf);
  return new Set(anchors.filter((anchor) => anchor !== undefined));
}

/** The anchor of a line that is a heading. */
function anchorOf(line: string): string | undefined {
  const [, title] = /^#{1,6}\s+(.+)$/.exec(line) ?? [];
  return title
    ?.trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}
