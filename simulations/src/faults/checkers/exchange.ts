import type { MakeChecker } from './checker.js';

/** What a device said in a stage of secure aggregation is stored together with the event that says so. */
export const exchange: MakeChecker = ({ report, world }) => ({
  name: 'exchange',
  onEvents(_runId, events) {
    const database = world.coordinator.disk.databases.get('/coordinator/coordinator.db')?.open;
    const newest = events.at(-1);
    // Messages of attempts that are over are forgotten.
    if (database === undefined || newest?.kind !== 'stage-answered') return;
    const { key, stage, devices } = newest;
    const stored = new Set(
      database
        .prepare<[string, number, number, string], string>(
          'SELECT device_id FROM exchange_messages WHERE run_id = ? AND round = ? AND attempt = ? AND stage = ?',
        )
        .pluck()
        .all(key.runId, key.round, key.attempt, stage),
    );
    const missing = devices.find((device) => !stored.has(device));
    if (missing !== undefined) report(`what ${missing} said in ${stage} of ${key.runId} is not stored`);
  },
});
