/** What the pages say can be done can be done: commands parse, options exist, links lead somewhere. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { repositoryRoot, runProgram } from '../support/index.js';
import { type CheckCommand, createCommandCheck, simpleCommands } from './commands.js';
import { anchorsOf, codeBlocks, commandLines, linksOf, readPages, shells } from './markdown.js';

let check: CheckCommand;
beforeAll(async () => {
  check = await createCommandCheck();
});

test('every command in a shell block is one that exists, with options that it knows', async () => {
  const faults: string[] = [];
  let checked = 0;
  for (const page of await readPages()) {
    for (const block of codeBlocks(page).filter(({ language }) => shells.includes(language))) {
      for (const line of commandLines(block)) {
        for (const words of simpleCommands(line)) {
          checked += 1;
          const fault = await check(words);
          if (fault !== undefined) faults.push(`${block.path}:${block.line}: ${fault} (${line})`);
        }
      }
    }
  }
  expect(faults).toEqual([]);
  expect(checked).toBeGreaterThan(3);
}, 120_000);

test('the check finds what is wrong', async () => {
  expect(await check(['starling', 'serve', '--port', '7000'])).toBeUndefined();
  expect(await check(['STARLING_X=1', 'npm', 'run', 'demo', '--', '--agents', '3', '--iid'])).toBeUndefined();
  expect(await check(['npm', 'run', 'bench', '--', 'coordinator', '--json'])).toBeUndefined();
  expect(await check(['starling', 'sevre'])).toMatch(/no command "sevre"/);
  expect(await check(['starling', 'run', 'strat', 'a'])).toMatch(/starling run has no command "strat"/);
  expect(await check(['starling', 'serve', '--prot', '7000'])).toMatch(/does not know --prot/);
  expect(await check(['npm', 'run', 'demo', '--', '--agent-count', '3'])).toMatch(
    /does not know --agent-count/,
  );
  expect(await check(['npm', 'run', 'nothing'])).toMatch(/no script "nothing"/);
  expect(await check(['npm', 'run', 'bench', '--', 'nothing'])).toMatch(/no benchmark "nothing"/);
  expect(simpleCommands('run=$(starling run start a) && echo "x; y" > z')).toEqual([
    ['run='],
    ['starling', 'run', 'start', 'a'],
    ['echo', 'x; y', 'z'],
  ]);
});

test('every link within the repository leads to a file, and to a heading where it names one', async () => {
  const faults: string[] = [];
  for (const page of await readPages()) {
    for (const link of linksOf(page)) {
      if (/^[a-z][a-z0-9+.-]*:/.test(link)) continue;
      const [path, anchor] = link.split('#');
      const target =
        path === '' ? join(repositoryRoot, page.path) : resolve(repositoryRoot, dirname(page.path), path);
      if (relative(repositoryRoot, target).startsWith('..'))
        faults.push(`${page.path}: ${link} leaves the repository`);
      else if (!existsSync(target)) faults.push(`${page.path}: ${link} is not there`);
      else if (anchor !== undefined && target.endsWith('.md')) {
        const text = await readFile(target, 'utf8');
        if (!anchorsOf({ path, text }).has(anchor)) faults.push(`${page.path}: ${link} names no heading`);
      }
    }
  }
  expect(faults).toEqual([]);
});

test('the page of messages is what the proto files say', async () => {
  const { code, stderr } = await runProgram(process.execPath, ['scripts/messages.mjs', '--check'], {
    cwd: repositoryRoot,
  });
  expect(code, stderr).toBe(0);
});

test('the protocol tells every refusal of a device', async () => {
  const read = (path: string) => readFile(join(repositoryRoot, path), 'utf8');
  const stages = await read('federation/src/secure-aggregation/refusal.ts');
  const codes = [...stages.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(25);
  // Those of the agent are the first word of what it reports.
  for (const path of [
    'connection/read-assignment',
    'connection/read-secure-terms',
    'secure-aggregation/party',
  ]) {
    const source = await read(`edge-agent/src/${path}.ts`);
    const own = [...source.matchAll(/['"`]([a-z]+(?:-[a-z]+)+): /g)].map(([, code]) => code);
    expect(own.length, path).toBeGreaterThan(1);
    codes.push(...own);
  }
  const protocol = await read('docs/protocol.md');
  expect(codes.filter((code) => !protocol.includes(`| \`${code}\` |`))).toEqual([]);
});

test('the protocol tells every code that a device may be answered with', async () => {
  const read = (path: string) => readFile(join(repositoryRoot, path), 'utf8');
  const protocol = await read('docs/protocol.md');
  const verdicts = await read('federation/src/secure-aggregation/server/verdict.ts');
  const rejections = [...(/RejectionCode =([^;]*);/.exec(verdicts)?.[1] ?? '').matchAll(/'([a-z-]+)'/g)].map(
    ([, code]) => `SECURE_${code.toUpperCase().replaceAll('-', '_')}`,
  );
  expect(rejections).toHaveLength(6);
  const told = (
    await Promise.all(
      [
        'proto/src/device-certificate',
        ...['parse', 'check-in', 'enrolment', 'rounds', 'upload', 'secure-aggregation', 'releases'].map(
          (name) => `coordinator/src/api/${name}`,
        ),
        ...['spool', 'upload-slots', 'upload', 'verify'].map((name) => `coordinator/src/aggregation/${name}`),
        ...['check-in', 'negotiate', 'registry'].map((name) => `coordinator/src/check-in/${name}`),
        ...['gate', 'tokens', 'enrolment', 'certificate-request'].map(
          (name) => `coordinator/src/identity/${name}`,
        ),
        ...['intake', 'rounds-in-memory', 'run-id', 'runner', 'secure-sessions'].map(
          (name) => `coordinator/src/runner/${name}`,
        ),
        'coordinator/src/rounds/standing',
        'coordinator/src/secure-exchange/session',
        'coordinator/src/telemetry/batch',
        'coordinator/src/telemetry/inbox',
      ].map(async (path) => {
        const codes = [...(await read(`${path}.ts`)).matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(
          ([, code]) => code,
        );
        expect(codes.length, path).toBeGreaterThan(0);
        return codes;
      }),
    )
  ).flat();
  // What operators are told, what nobody is left to be told, and OpenSSL's own.
  const others = ['ROLLOUT_INVALID', 'ARTIFACT_INVALID', 'CERTIFICATE_INVALID', 'CONNECTION_LOST'];
  others.push('CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID');
  const missing = [...rejections, ...told].filter(
    (code) => !others.includes(code) && !protocol.includes(`\`${code}\``),
  );
  expect([...new Set(missing)]).toEqual([]);
});

test('the protocol tells every field of a manifest, and every input and output of its graphs', async () => {
  const read = (path: string) => readFile(join(repositoryRoot, path), 'utf8');
  const [, section = ''] = /\n## Plans\n(.*?)\n## /s.exec(await read('docs/protocol.md')) ?? [];
  const manifest = await read('engine/src/plan/manifest.ts');
  const [, fields = ''] = /interface PlanManifest \{(.*?)\n\}/s.exec(manifest) ?? [];
  const names = await read('engine/src/plan/names.ts');
  const wanted = [
    ...[...fields.matchAll(/^ {2}readonly (\w+)/gm)].map(([, name]) => name),
    ...['trainInputs', 'trainOutputs', 'evaluateInputs', 'predictNames', 'planFileNames'].flatMap((group) => {
      const [, body = ''] = new RegExp(`${group} = \\{(.*?)\\n\\}`, 's').exec(names) ?? [];
      const found = [...body.matchAll(/^ {2}\w+: '([^']+)'/gm)].map(([, name]) => name);
      expect(found.length, group).toBeGreaterThan(3);
      return found;
    }),
  ];
  expect(wanted.length).toBeGreaterThan(40);
  expect(wanted.filter((name) => !section.includes(`\`${name}\``))).toEqual([]);
});
