import type { Argv } from 'yargs';
import { clientOptions } from '../connection.js';
import type { Terminal } from '../terminal.js';
import { isWhole, type Root } from './root.js';

export function addDevice(parser: Root, terminal: Terminal): void {
  parser.command('device', 'Who is part of the fleet', (device) => {
    const base = device.options(clientOptions(terminal));
    const id = { type: 'string', demandOption: true, describe: 'The device' } as const;
    return base
      .command(
        'list',
        'Show all devices',
        (command) =>
          command
            .option('group', { type: 'string', describe: 'Only this group' })
            .example('$0 device list --group plant-7', 'State, last check-in, end of the certificate'),
        async (args) => {
          const { listDevices } = await import('../device.js');
          await listDevices({ ...args, group: args.group }, terminal);
        },
      )
      .command(
        'show <device>',
        'Show a device',
        (command) => command.positional('device', id).example('$0 device show press-3', 'All about it'),
        async (args) => {
          const { showDevice } = await import('../device.js');
          await showDevice(args.device, args, terminal);
        },
      )
      .command(
        'revoke <device>',
        'End a device’s certificate and its connections, for good',
        (command) =>
          command
            .positional('device', id)
            .option('reason', { type: 'string', default: '', describe: 'Why, for the record' })
            .example('$0 device revoke press-3 --reason stolen', 'Within seconds'),
        async (args) => {
          const { revokeDevice } = await import('../device.js');
          await revokeDevice(args, terminal);
        },
      )
      .command(
        'label <device> <labels..>',
        'Set labels of a device, or remove them',
        (command) =>
          command
            .positional('device', id)
            .positional('labels', {
              type: 'string',
              array: true,
              demandOption: true,
              describe: 'KEY=VALUE, or KEY- to remove',
            })
            .example('$0 device label press-3 hall=4 old-', 'Sets one, removes one'),
        async (args) => {
          const { labelDevice } = await import('../device.js');
          await labelDevice({ ...args, labels: args.labels }, terminal);
        },
      )
      .command('token', 'What lets devices enrol', (token) => addToken(token, terminal))
      .command(
        'requests',
        'Requests that wait for the authority’s key, where that is kept elsewhere',
        (command) =>
          command
            .option('output', { alias: 'o', type: 'string', describe: 'Write them into this file' })
            .example('$0 device requests -o requests.json', 'To carry to "starling authority sign"'),
        async (args) => {
          const { listRequests } = await import('../device.js');
          await listRequests({ ...args, output: args.output }, terminal);
        },
      )
      .command(
        'certify <file>',
        'Bring certificates from "starling authority sign" to the coordinator',
        (command) =>
          command
            .positional('file', { type: 'string', demandOption: true, describe: 'The certificates' })
            .example('$0 device certify certificates.json', 'Devices get theirs when they ask next'),
        async (args) => {
          const { importCertificates } = await import('../device.js');
          await importCertificates(args.file, args, terminal);
        },
      )
      .demandCommand(1, 'Say what to do: list, show, revoke, label, token, requests or certify.');
  });
}

function addToken<T extends DeviceArguments>(token: Argv<T>, terminal: Terminal) {
  return token
    .command(
      'create',
      'Make a token; it is shown once',
      (command) =>
        command
          .option('group', { type: 'string', default: 'default', describe: 'Group that devices join' })
          .option('device', {
            type: 'string',
            describe: 'Only for this device, also to replace its key',
          })
          .option('expires', { type: 'string', default: '24h', describe: 'How long: 30m, 24h, 7d' })
          .option('uses', { type: 'number', default: 1, describe: 'Number of devices that may use it' })
          .example('$0 device token create --group plant-7 --uses 20', 'For twenty new devices')
          .check(({ uses }) => isWhole('uses', uses, 1, 1_000_000)),
      async (args) => {
        const { createToken } = await import('../device.js');
        await createToken({ ...args, device: args.device }, terminal);
      },
    )
    .command(
      'list',
      'Show the tokens that can still be used; never their secrets',
      (command) => command.example('$0 device token list', 'How often each was used'),
      async (args) => {
        const { listTokens } = await import('../device.js');
        await listTokens(args, terminal);
      },
    )
    .command(
      'revoke <token>',
      'End a token; devices that used it stay',
      (command) =>
        command
          .positional('token', { type: 'string', demandOption: true, describe: 'Its id, as listed' })
          .example('$0 device token revoke 8fJ2mQx0Lw3e', 'At once'),
      async (args) => {
        const { revokeToken } = await import('../device.js');
        await revokeToken(args.token, args, terminal);
      },
    )
    .demandCommand(1, 'Say what to do with tokens: create, list or revoke.');
}

interface DeviceArguments {
  coordinator: string;
  data: string;
  json: boolean;
}
