import { createPublicKey } from 'node:crypto';
import {
  canonicalTermsJson,
  formatEnrolmentToken,
  isPlanSignature,
  isQuerySignature,
  parseEnrolmentToken,
  privateKeyFromSeed,
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
  const vectors = {
    describes:
      'the signatures of a plan and a question, and an enrolment token: docs/protocol.md, "Who is who"',
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
  };
  await expect(`${JSON.stringify(vectors, null, 2)}\n`).toMatchFileSnapshot('plan.json');
});
