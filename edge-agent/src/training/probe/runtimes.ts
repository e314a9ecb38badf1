/** Which runtimes this device has, found out by loading them in a process of its own: a waiting agent stays small. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The compiled file, also where tests run the sources; in a bundle it lies beside what starts it. */
const childPath = fileURLToPath(new URL('./probe.js', import.meta.url)).replace(
  /([\\/])(src|dist)([\\/]training[\\/]probe[\\/])probe\.js$/,
  '$1dist$3child.js',
);

/** A native library that does not fit may hang rather than fail. */
const probeMsMax = 20_000;

let found: Promise<readonly string[]> | undefined;

/** Their names, as plans require them; none where the process ends otherwise than it should. Asked once in a process. */
export function availableRuntimes(): Promise<readonly string[]> {
  found ??= new Promise((resolve) => {
    execFile(process.execPath, [childPath], { timeout: probeMsMax, env: {} }, (error, stdout) => {
      resolve(error === null ? namesIn(stdout) : []);
    });
  });
  return found;
}

function namesIn(text: string): readonly string[] {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}
