/**
 * Loads what an agent otherwise loads when it first needs it. For simulations: in virtual time, loading would take as long
 * as the disk pleases.
 */
export async function preload(): Promise<void> {
  await Promise.all([
    import('./training/fetch-plan.js'),
    import('./training/compute.js'),
    import('./training/analyze.js'),
    import('./training/activations.js'),
    import('./training/failure-reason.js'),
    import('./state/database.js'),
    import('./state/update-header.js'),
    import('./telemetry/index.js'),
    import('@starling/engine'),
  ]);
}
