import type { RecordedReleases } from '../follow-releases.js';
import type { Operation } from '../operation.js';
import type { MakeChecker } from './checker.js';
import { commits } from './commits.js';
import { exchange } from './exchange.js';
import { failures } from './failures.js';
import { ledger } from './ledger.js';
import { noise } from './noise.js';
import { progress } from './progress.js';
import { releases } from './releases.js';
import { type Revocations, revocation } from './revocation.js';
import { secrets } from './secrets.js';
import { sums } from './sums.js';
import { type RecordedTelemetry, telemetry } from './telemetry.js';
import { updates } from './updates.js';

export type { Checker, MakeChecker, Sight, Violation } from './checker.js';
export type { RecordedTelemetry, Revocations };

export function allCheckers(
  operations: readonly Operation[],
  recorded: RecordedTelemetry,
  revoked: Revocations,
  released: RecordedReleases,
  recovery: MakeChecker,
): readonly MakeChecker[] {
  return [
    progress(operations, released),
    failures,
    commits,
    exchange,
    updates,
    sums,
    noise,
    ledger,
    secrets,
    telemetry(recorded),
    revocation(revoked),
    releases(released),
    recovery,
  ];
}
