/**
 * Received bytes become garbage as soon as they are written to disk, outside of V8's heap, where V8 notices no more than
 * every 64 MB: with a few large models' updates under way, that is most of the memory that aggregation takes. So it is
 * told more often. A collection of the young takes about a millisecond, one of everything about twenty.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Tells that so many bytes of a message were received and done with. */
export type NoteReceived = (bytes: number) => void;

const youngEveryBytes = 8 * 2 ** 20;
/** Closed connections are freed by these only. */
const allEveryBytes = 32 * 2 ** 20;

export function createReceivedGarbage(): NoteReceived {
  let collect: Collect | undefined;
  let sinceYoung = 0;
  let sinceAll = 0;
  return (bytes) => {
    sinceYoung += bytes;
    sinceAll += bytes;
    if (sinceYoung < youngEveryBytes) return;
    const isDue = sinceAll >= allEveryBytes;
    collect ??= exposedCollector();
    collect({ type: isDue ? 'major' : 'minor' });
    sinceYoung = 0;
    if (isDue) sinceAll = 0;
  };
}

type Collect = (options: { readonly type: 'major' | 'minor' }) => void;

/** V8 has no other way to be asked while it runs; contexts made after the flag have the function. */
function exposedCollector(): Collect {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return typeof collect === 'function' ? (collect as Collect) : () => {};
}
