/**
 * Prints the help of a command and of every command below it, as one JSON object by their words:
 * `node helps.mjs NAME ENTRY`. The entry is run once for each, all in this process: most of what a help costs is the
 * start of a process.
 */
import { pathToFileURL } from 'node:url';

const [, , name, entry] = process.argv;
const write = process.stdout.write.bind(process.stdout);
// Each run of the entry listens for signals and for a reader that goes away.
process.setMaxListeners(0);
process.stdout.setMaxListeners(0);

async function helpOf(words) {
  let text = '';
  process.stdout.write = (chunk) => {
    text += chunk;
    return true;
  };
  process.argv = [process.execPath, entry, ...words, '--help'];
  // Under another address each time, or it would run the first time only.
  await import(`${pathToFileURL(entry).href}?${words.join('+')}`);
  process.stdout.write = write;
  return text;
}

const helps = {};
async function visit(words) {
  const called = [name, ...words].join(' ');
  const help = await helpOf(words);
  if (process.exitCode !== 0) throw new Error(`"${called} --help" ended with ${process.exitCode}`);
  helps[called] = help;
  const [, listed = ''] = /^Commands:\n((?: .*\n)*)/m.exec(help) ?? [];
  for (const [, below] of listed.matchAll(new RegExp(`^ {2}${called} ([a-z-]+)`, 'gm'))) {
    await visit([...words, below]);
  }
}

await visit([]);
write(JSON.stringify(helps));
