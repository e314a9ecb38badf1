import { createPublicKey } from 'node:crypto';
import {
  Assignment,
  canonicalTermsJson,
  encodeMessage,
  formatEnrolmentToken,
  isPlanSignature,
  isQuerySignature,
  parseEnrolmentToken,
  privateKeyFromSeed,
  requestHash,
  signPlan,
  signQuery,
} from '@starling/proto';
import { expect, test } from 'vitest';

const ownerSeed = Uint8Array.from({ length: 32 }, (_, i) => 7 * i);

test('test/vectors/plan.json is what this implementation computes', async () => {
  const ownerKey = privateKeyFromSeed(ownerSeed);
  const plan = {
    taskName: 'mnist',
    taskVersion: 258,
    manifestSha256: Uint8Array.from({ length: 32 }, (_, i) => i),
    featureContractJson: '{"features":[{"name":"é"}]}',
    termsJson: canonicalTermsJson({ privacy: null, epochs: 1, encoding: { kind: 'float32' } }),
  };
  const signature = signPlan(plan, ownerKey);
  const token = {
    tokenId: 'abcdefghij-_',
    secret: Uint8Array.from({ length: 32 }, (_, i) => 255 - i),
    authoritySha256: 'ab'.repeat(32),
  };
  const text = formatEnrolmentToken(token);
  expect(parseEnrolmentToken(text)).toEqual(token);
  const { x } = createPublicKey(ownerKey).export({ format: 'jwk' });
  expect(isPlanSignature(plan, Buffer.from(x ?? '', 'base64url'), signature)).toBe(true);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const question = {
    taskName: 'mnist',
    taskVersion: 258,
    askedAtMs: 1_750_000_000_123,
    queryJson: '{"column":"reading","statistic":{"kind":"count"},"valuesMax":100}',
    termsJson: canonicalTermsJson({ privacy: { kind: 'none' } }),
  };
  const asked = signQuery(question, ownerKey);
  expect(isQuerySignature(question, Buffer.from(x ?? '', 'base64url'), asked)).toBe(true);
  const artifact = (fill: number) => ({ sha256: new Uint8Array(32).fill(fill), sizeBytes: 40 });
  const encoding = { kind: { kind: 'float32', value: {} } } as const;
  const training = { epochs: 1, learningRate: 0.1, seed: 9, examplesMax: 0, encoding };
  const requests: readonly Assignment[] = [
    {
      round: { runId: 'run-1', round: 3, attempt: 2 },
      purpose: 'analyze',
      taskName: 'mnist',
      planManifest: artifact(1),
      checkpoint: artifact(2),
      featureContractJson: plan.featureContractJson,
      training,
      evaluation: { holdoutPermille: 0 },
      analytics: { queryJson: question.queryJson, seed: 9, encoding },
      deadlineMs: 30_000,
      secureAggregation: {
        ...{ cohortMinimum: 5, cohortMaximum: 9, corruptFraction: 0.1, dropoutFraction: 0 },
        ...{ securityBits: 40, correctnessBits: 20, parameterCount: 256, weightMaximum: 1 },
        encoding: { bits: 6, clipNorm: 1, rotation: { kind: 'hadamard', value: { agreement: 1 } } },
        metrics: [{ name: 'loss', minimum: 0, maximum: 9, bits: 8 }],
        rotationSeed: Uint8Array.from({ length: 32 }, (_, i) => 5 * i),
        weighting: 'uniform',
        encodingReports: false,
      },
    },
  ];
  const vectors = {
    describes:
      'the signatures of a plan and a question, an enrolment token, and what devices are asked alike: docs/protocol.md, "Who is who", "Secure aggregation, byte by byte"',
    plans: [
      {
        ownerSeed: hex(ownerSeed),
        ...plan,
        manifestSha256: hex(plan.manifestSha256),
        signature: hex(signature),
      },
    ],
    questions: [{ ownerSeed: hex(ownerSeed), ...question, signature: hex(asked) }],
    token: { ...token, secret: hex(token.secret), text },
    requests: requests.map((request) => ({
      assignment: hex(encodeMessage(Assignment, request)),
      hash: hex(requestHash(request)),
    })),
  };
  await expect(`${JSON.stringify(vectors, null, 2)}\n`).toMatchFileSnapshot('plan.json');
});
