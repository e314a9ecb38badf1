import type { Done, Root } from './root.js';

export function addEnroll(parser: Root, done: Done): void {
  parser.command(
    'enroll',
    'Make this device part of a fleet: its own key, certified for a token',
    (command) =>
      command
        .option('coordinator', {
          type: 'string',
          demandOption: true,
          describe: 'Address of the coordinator, host:port',
        })
        .option('token', {
          type: 'string',
          demandOption: true,
          describe: 'What "starling device token create" printed',
        })
        .option('state', {
          type: 'string',
          demandOption: true,
          describe: 'Directory for id, key and certificate; the one that "run" is given',
        })
        .option('device-id', { type: 'string', describe: 'Name of this device; a random one unless told' })
        .example('$0 enroll --coordinator localhost:7443 --state ./device-1 --token starling1.…', 'Once'),
    async (argv) => {
      const { enroll } = await import('../enroll.js');
      done(await enroll({ ...argv, deviceId: argv.deviceId }, argv.json));
    },
  );
}
