/**
 * Loads what an agent otherwise loads when it first needs it, by the very calls with which it does: even a module that is
 * there already comes later to who first asks for it. For simulations: in virtual time, loading would take as long as the
 * disk pleases.
 */
export async function preload(): Promise<void> {
  const those = await Promise.all([
    import('./state/owned-database.js'),
    import('./state/update-store.js'),
    import('./training/analyze.js'),
    import('./training/worker.js'),
  ]);
  const all = those.flatMap(({ later }): readonly (() => Promise<unknown>)[] => Object.values(later));
  await Promise.all(all.map((load) => load()));
}
