/** Chunks for each worker: enough that the quick ones do more, few enough that sums do not travel for nothing. */
const chunksPerWorker = 3;

/** Some chunks for each worker, none larger than `most`; the result does not depend on how many there are, as jobs that go
 * together stay so. */
export function cuts(
  jobs: number,
  most: number,
  workers: number,
  together = 1,
): readonly { readonly first: number; readonly count: number }[] {
  const wanted = Math.min(most, Math.ceil(jobs / (chunksPerWorker * workers)));
  const size = together * Math.max(1, Math.floor(wanted / together));
  return Array.from({ length: Math.ceil(jobs / size) }, (_, at) => ({
    first: at * size,
    count: Math.min(size, jobs - at * size),
  }));
}
