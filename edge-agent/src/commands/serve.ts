/** `starling-agent serve`: the services of a device without training. */
import { stderrLog } from '../adapters/stderr-log.js';
import { systemClock } from '../adapters/system-clock.js';
import { startServices } from '../services.js';
import { readServices, type ServiceArguments } from './configuration.js';
import { exitCodes } from './exit-codes.js';
import { untilSignal } from './until-signal.js';

/** Serves until SIGTERM or SIGINT; gives the exit code. */
export async function serve(args: ServiceArguments, json: boolean): Promise<number> {
  const configuration = await readServices(args);
  const log = stderrLog({ json, level: configuration.logLevel ?? 'info' });
  const services = await startServices({ ...configuration, clock: systemClock(), log });
  const { addresses, service } = services.serving ?? { addresses: {}, service: undefined };
  const told = { ...addresses, models: service?.models ?? [] };
  process.stdout.write(
    json
      ? `${JSON.stringify(told)}\n`
      : `${Object.entries(addresses)
          .map(([kind, address]) => `${kind.padEnd(5)} ${address}`)
          .join('\n')}\n`,
  );
  const signal = await untilSignal();
  log.info({ signal }, 'Stopping.');
  await services.stop();
  log.info({}, 'Stopped.');
  return exitCodes.done;
}
