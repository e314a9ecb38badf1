/** The coordinator's types as messages. */
import { formatQuery, type NoiseTerms, type UpdateEncoding } from '@starling/federation';
import type * as wire from '@starling/proto';
import { requestHash } from '@starling/proto';
import type { ArtifactRef, RoundKey } from '../ids.js';
import type { RoundPrivacy } from '../privacy/index.js';
import type { RoundState } from '../rounds/index.js';
import type { PreparedTask, Request, SecureWork, Work } from '../runner/index.js';

export function artifactReference({ sha256, sizeBytes }: ArtifactRef): wire.ArtifactReference {
  return { sha256: Buffer.from(sha256, 'hex'), sizeBytes };
}

export function roundKey({ runId, round, attempt }: RoundKey): wire.RoundKey {
  return { runId, round, attempt };
}

export function assignment(work: Work, nowMs: number): wire.Assignment {
  const { task } = work;
  return {
    round: roundKey(work.key),
    purpose: work.purpose,
    taskName: task.name,
    planManifest: artifactReference(task.planManifest),
    checkpoint: artifactReference(work.checkpoint),
    featureContractJson: task.featureContractJson,
    training: {
      epochs: task.epochs,
      learningRate: work.learningRate,
      seed: work.seed,
      encoding: updateEncoding(task.encoding),
      examplesMax: task.examplesMax,
      privacy: updatePrivacy(work.privacy),
    },
    // Also where it trains: what is held out for evaluation must stay out of training.
    evaluation: { holdoutPermille: task.holdoutPermille },
    analytics:
      task.analytics === null
        ? undefined
        : {
            queryJson: formatQuery(task.analytics),
            seed: work.seed,
            encoding: updateEncoding(task.encoding),
            privacy: updatePrivacy(work.privacy),
            signature: querySignature(task),
          },
    deadlineMs: remainingMs(work.deadlineAtMs, nowMs),
    signature: planSignature(task),
    secureAggregation: work.secure === null ? undefined : secureAggregationSettings(work.secure),
  };
}

/** What a device signs for with its keys, of what it is asked. */
export function hashOfRequest(request: Request): Uint8Array {
  return requestHash(assignment({ ...request, seed: 0, deadlineAtMs: 0 }, 0));
}

function secureAggregationSettings({ settings, rotationSeed }: SecureWork): wire.SecureAggregationSettings {
  const { requirements, cohortMinimum, weighting, layout } = settings;
  const { bits, clipNorm, rotation } = layout.encoding;
  return {
    cohortMinimum,
    cohortMaximum: layout.cohort,
    ...requirements,
    parameterCount: layout.parameterCount,
    encoding: {
      bits,
      clipNorm,
      rotation:
        rotation.kind === 'none'
          ? { kind: 'none', value: { elementMaximum: rotation.elementMaximum } }
          : { kind: 'hadamard', value: { agreement: rotation.agreement } },
    },
    weightMaximum: layout.weightMaximum,
    metrics: layout.metrics,
    rotationSeed,
    weighting: weighting === 'uniform' ? 'uniform' : 'byExamples',
    encodingReports: layout.reports ?? true,
  };
}

const exchangeStages = {
  'advertise-keys': 'advertiseKeys',
  'share-keys': 'shareKeys',
  consistency: 'consistency',
  unmask: 'unmask',
} as const;

export function wireStage(stage: RoundState['stage']): wire.RoundStage {
  switch (stage) {
    case 'advertise-keys':
    case 'share-keys':
    case 'consistency':
    case 'unmask':
      return exchangeStages[stage];
    default:
      return stage;
  }
}

export function planSignature({
  version,
  signature: { ownerKey, signature, termsJson },
}: Pick<PreparedTask, 'version' | 'signature'>): wire.PlanSignature {
  return { ownerKey, signature, taskVersion: version, termsJson };
}

function querySignature({ version, querySignature }: PreparedTask): wire.QuerySignature | undefined {
  if (querySignature === undefined) return undefined;
  const { signature, askedAtMs, termsJson } = querySignature;
  return { signature: Buffer.from(signature, 'hex'), askedAtMs, termsJson, taskVersion: version };
}

function updateEncoding(encoding: UpdateEncoding): wire.UpdateEncoding {
  switch (encoding.kind) {
    case 'float32':
      return { kind: { kind: 'float32', value: {} } };
    case 'stochastic-quantization': {
      const { bits, blockSize } = encoding;
      return { kind: { kind: 'stochasticQuantization', value: { bits, blockSize } } };
    }
  }
}

function updatePrivacy(privacy: RoundPrivacy | null): wire.UpdatePrivacy | undefined {
  if (privacy === null) return undefined;
  const { kind, budget, clipBound, countStddev, noiseStddev, deviceNoise } = privacy;
  return {
    kind,
    ...budget,
    clipBound,
    countWithinBound: countStddev !== null,
    noiseMultiplier: noiseStddev / clipBound,
    deviceNoise: deviceNoise && wireNoise(deviceNoise),
  };
}

function wireNoise({ mechanism, ...noise }: NoiseTerms): wire.DeviceNoise {
  return { mechanism: mechanism === 'skellam' ? 'skellam' : 'discreteGaussian', ...noise };
}

const uint32Max = 2 ** 32 - 1;

export function remainingMs(atMs: number, nowMs: number): number {
  return Math.min(uint32Max, Math.max(0, Math.ceil(atMs - nowMs)));
}
