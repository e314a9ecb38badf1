/** `starling-agent serve`: the services of a device without training. */
import { stderrLog } from '../adapters/stderr-log.js';
import { systemClock } from '../adapters/system-clock.js';
import { notifySystemd } from '../adapters/systemd.js';
import { agentMigrations } from '../migrations.js';
import { startServices } from '../services.js';
import { openStateFolder } from '../state/lock.js';
import { ownDatabase } from '../state/owned-database.js';
import { readServices, type ServiceArguments } from './configuration.js';
import { exitCodes } from './exit-codes.js';
import { untilSignal } from './until-signal.js';

/** Serves until SIGTERM or SIGINT; gives the exit code. */
export async function serve(args: ServiceArguments, json: boolean): Promise<number> {
  const configuration = await readServices(args);
  const log = stderrLog({ json, level: configuration.logLevel ?? 'info' });
  const { state } = configuration;
  // Examples are recorded into the state directory; serving alone needs none.
  const lock = state !== undefined && configuration.ingestion ? await openStateFolder(state) : undefined;
  const database = state === undefined ? undefined : ownDatabase(state, agentMigrations);
  const services = await startServices({
    ...configuration,
    stateFolder: state,
    database,
    clock: systemClock(),
    log,
  }).catch(async (error: unknown) => {
    await database?.close();
    await lock?.release();
    throw error;
  });
  const { addresses, service } = services.serving ?? { addresses: {}, service: undefined };
  const told = { ...addresses, ...services.ingestion?.addresses, models: service?.models ?? [] };
  process.stdout.write(
    json
      ? `${JSON.stringify(told)}\n`
      : `${Object.entries({ ...addresses, ...services.ingestion?.addresses })
          .map(([kind, address]) => `${kind.padEnd(8)} ${address}`)
          .join('\n')}\n`,
  );
  const systemd = notifySystemd({ environment: process.env, clock: systemClock() });
  const signal = await untilSignal();
  log.info({ signal }, 'Stopping.');
  systemd.close();
  await services.stop();
  await database?.close();
  await lock?.release();
  log.info({}, 'Stopped.');
  return exitCodes.done;
}
