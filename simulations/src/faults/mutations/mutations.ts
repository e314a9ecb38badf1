/**
 * Deliberate bugs, each a change of the products' text as it is loaded, in the processes of a mutation check alone: the
 * products have no switch for them. A hunt that finds one of these can find its like.
 */
export interface Mutation {
  readonly name: string;
  readonly what: string;
  /** The module, as its URL ends. */
  readonly module: string;
  /** Must be in the module once. */
  readonly find: string;
  readonly replace: string;
}

export const mutations: readonly Mutation[] = [
  {
    name: 'skipped-fsync',
    what: 'sums, checkpoints and other files are renamed into place without having been synchronised',
    module: 'coordinator/dist/artifacts/files.js',
    find: 'await file.sync();',
    replace: '',
  },
  {
    name: 'skipped-folder-fsync',
    what: 'names of sums and checkpoints are not synchronised',
    module: 'coordinator/dist/artifacts/files.js',
    find: 'await syncFolder(folder);',
    replace: '',
  },
  {
    name: 'database-not-synchronised',
    what: "the coordinator's database does not wait for the disk when it commits",
    module: 'coordinator/dist/storage/sqlite.js',
    find: "database.pragma('synchronous = FULL');",
    replace: '',
  },
  {
    name: 'double-fold',
    what: 'an update is added to the sum twice',
    module: 'coordinator/dist/runner/intake.js',
    find: 'await sum.fold(path, weight, groupIndexOf(round, deviceId));',
    replace:
      'await sum.fold(path, weight, groupIndexOf(round, deviceId)); await sum.fold(path, weight, groupIndexOf(round, deviceId));',
  },
  {
    name: 'sum-kept-after-failure',
    what: 'what was added to the sum and then not counted stays in it',
    module: 'coordinator/dist/runner/intake.js',
    find: 'sum = undefined;',
    replace: '',
  },
  {
    name: 'sum-lost-at-restart',
    what: 'after a restart a round goes on with an empty sum',
    module: 'coordinator/dist/runner/intake.js',
    find: 'sum ??= await options.openSum(round.partialSum);',
    replace: 'sum ??= await options.openSum(null);',
  },
  {
    name: 'acknowledged-before-durable',
    what: 'a device is told that its update counts before the event that counts it is stored',
    module: 'coordinator/dist/runner/intake.js',
    find: "const decision = await apply({ kind: 'count'",
    replace: "for (const each of batch) each.resolve(true); const decision = await apply({ kind: 'count'",
  },
  {
    name: 'duplicate-accepted',
    what: 'an update that is counted may be counted again',
    module: 'coordinator/dist/rounds/standing.js',
    find: 'if (state.cohort.has(deviceId) && state.counted.has(deviceId))',
    replace: 'if (false)',
  },
  {
    name: 'missing-stage-check',
    what: 'what a device says for another stage of secure aggregation is taken for this one',
    module: 'coordinator/dist/secure-exchange/session.js',
    find: 'each.message.stage !== stage || ',
    replace: '',
  },
  {
    name: 'messages-not-stored',
    what: 'the event says that devices answered, and their messages are not stored with it',
    module: 'coordinator/dist/secure-exchange/session.js',
    find: 'await answer(stage, fresh, suffices, messages);',
    replace: 'await answer(stage, fresh, suffices, []);',
  },
  {
    name: 'ledger-after-round',
    what: 'a private round starts first and is paid for afterwards',
    module: 'coordinator/dist/privacy/ledgers.js',
    find: 'await store.append(taskName, before.length, now(), [...opening, decision.event]);',
    replace:
      'setImmediate(() => setImmediate(() => store.append(taskName, before.length, now(), [...opening, decision.event]).catch(() => {})));',
  },
  {
    name: 'ledger-understated',
    what: 'the ledger says less than was spent',
    module: 'federation/dist/privacy/ledger.js',
    find: 'epsilonAfter: epsilon }',
    replace: 'epsilonAfter: epsilon * 0.9 }',
  },
  {
    name: 'noise-forgotten',
    what: 'a private round is paid for, and its sum has no noise',
    module: 'coordinator/dist/privacy/noise.js',
    find: 'addGaussianNoise(entropy, (noiseStddev / clipBound) * sensitivity, sums);',
    replace: '',
  },
  {
    name: 'revocation-not-stored',
    what: 'a revocation is forgotten with the process',
    module: 'coordinator/dist/identity/fleet.js',
    find: 'await identities.put(identity);',
    replace: '',
  },
  {
    name: 'hash-unchecked',
    what: 'an update is counted though it is not what the device announced',
    module: 'coordinator/dist/aggregation/verify.js',
    find: 'if (sha256 !== announcement.sha256)',
    replace: 'if (false)',
  },
  {
    name: 'deadline-forgotten',
    what: 'nobody wakes the round when its deadline passes',
    module: 'coordinator/dist/runner/driver.js',
    find: 'wake = options.clock.schedule(atMs - now(), poke);',
    replace: 'wake = undefined;',
  },
  {
    name: 'survivor-and-dropout',
    what: 'devices whose updates are in the sum are announced as dropouts too',
    module: 'federation/dist/secure-aggregation/server/collect-updates.js',
    find: 'filter((index) => !updated[index])',
    replace: 'filter(() => true)',
  },
  {
    name: 'both-shares-told',
    what: 'a device tells its shares of both secrets of a survivor',
    module: 'federation/dist/secure-aggregation/client/reveal-shares.js',
    find: '        else\n            maskKeys.push({ owner, share: shares.maskKey });',
    replace: '        maskKeys.push({ owner, share: shares.maskKey });',
  },
  {
    name: 'masked-twice',
    what: 'a device masks an update and does not keep that it has: it would mask another one under the same masks',
    module: 'edge-agent/dist/secure-aggregation/party.js',
    find: "await store.save({ round, client: state }, 'durable');",
    replace: '',
  },
  {
    name: 'targets-unsigned',
    what: 'a device believes targets that no owner signed',
    module: 'federation/dist/releases/trusted-metadata.js',
    find: "verify(read('root', trusted.root), 'targets', targets);",
    replace: '',
  },
  {
    name: 'release-rollback',
    what: 'a device believes metadata older than what it believes already',
    module: 'federation/dist/releases/trusted-metadata.js',
    find: 'if (version < before)',
    replace: 'if (false)',
  },
  {
    name: 'release-state-not-synchronised',
    what: 'what a device remembers of its releases is renamed into place without having been synchronised',
    module: 'edge-agent/dist/releases/files.js',
    find: 'await files.sync(beside);',
    replace: '',
  },
  {
    name: 'health-check-ignored',
    what: 'a release takes over though its health check refused it',
    module: 'edge-agent/dist/releases/stages/updating.js',
    find: 'if (event.fault !== undefined)',
    replace: 'if (false)',
  },
  {
    name: 'failing-release-kept',
    what: 'a release that fails whoever asks it counts as proven',
    module: 'edge-agent/dist/releases/stages/updating.js',
    find: 'const fault = unhealthy(active.health, event.figures);',
    replace: 'const fault = undefined;',
  },
  {
    name: 'crashes-not-counted',
    what: 'a release that ends the process which serves it is served again and again',
    module: 'edge-agent/dist/releases/stages/starting.js',
    find: 'crashes + (hasDied ? 1 : 0)',
    replace: 'crashes',
  },
  {
    name: 'watermark-too-early',
    what: 'a device is told that its telemetry is stored before it is',
    module: 'coordinator/dist/telemetry/inbox.js',
    find: 'writing ??= nextTurn().then(write);',
    replace:
      'const { stream, epoch, firstSequence, recordCount } = batch; settle({ stream, epoch, nextSequence: firstSequence + recordCount }); writing ??= nextTurn().then(write);',
  },
  {
    name: 'telemetry-forgotten-when-sent',
    what: 'a device deletes telemetry once it is sent, not once the coordinator has it',
    module: 'edge-agent/dist/telemetry/forward.js',
    find: "post({ kind: 'sent',",
    replace: "buffer.acknowledge(stream, epoch, firstSequence + recordCount); post({ kind: 'sent',",
  },
];
