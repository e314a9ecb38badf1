import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { AgentError } from '../errors.js';
import { openAgentDatabase } from './database.js';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'starling-database-'));
  folders.push(made);
  return made;
}

const first = { name: 'rows-1', sql: 'CREATE TABLE rows (value INTEGER)' };
const second = { name: 'rows-2', sql: 'ALTER TABLE rows ADD COLUMN note TEXT; UPDATE rows SET note = value' };

test('migrations run once, in order, over what is there', () => {
  const at = folder();
  const before = openAgentDatabase(at, [first]);
  before.prepare('INSERT INTO rows VALUES (7)').run();
  before.close();
  for (let start = 0; start < 2; start += 1) {
    const database = openAgentDatabase(at, [first, second]);
    expect(database.prepare('SELECT * FROM rows').all()).toEqual([{ value: 7, note: '7' }]);
    database.close();
  }
});

test('a migration that fails leaves the database as it was, and works once it is mended', () => {
  const at = folder();
  openAgentDatabase(at, [first]).close();
  const broken = { name: 'rows-2', sql: 'ALTER TABLE rows ADD COLUMN note TEXT; UPDATE nowhere SET x = 1' };
  expect(() => openAgentDatabase(at, [first, broken])).toThrow(/no such table: nowhere/);
  const database = openAgentDatabase(at, [first, second]);
  expect(database.prepare('SELECT name FROM migrations').pluck().all()).toEqual(['rows-1', 'rows-2']);
  database.close();
});

test('a database of a newer agent, and a file that is none, are refused and left alone', async () => {
  const at = folder();
  openAgentDatabase(at, [first, second]).close();
  expect(() => openAgentDatabase(at, [first])).toThrow(/newer agent \(it has "rows-2"\)/);
  openAgentDatabase(at, [first, second]).close();
  const other = folder();
  await writeFile(
    join(other, 'agent.db'),
    'these are not the bytes of a database, whatever their number '.repeat(20),
  );
  expect(() => openAgentDatabase(other, [first])).toThrow(AgentError);
});
