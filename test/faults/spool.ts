/** Payloads on their way into a coordinator, as its disk shows them. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Sizes in bytes of the payloads that lie in the spool of `folder`; what vanishes meanwhile has none. */
export async function spooledSizes(folder: string): Promise<number[]> {
  const spool = join(folder, 'spool');
  const names = await readdir(spool, { recursive: true }).catch(() => []);
  const found = await Promise.all(names.map((name) => stat(join(spool, name)).catch(() => undefined)));
  return found.flatMap((entry) => (entry?.isFile() ? [entry.size] : []));
}
