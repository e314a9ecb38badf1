import { createHash } from 'node:crypto';
import { createUpdateValidator, encodedLength, type UpdateEncoding, VectorError } from '@starling/federation';
import { scanFile } from '../artifacts/index.js';
import { CoordinatorError, type Refusal, refusal } from '../errors.js';
import { senderOf, type UploadAnnouncement } from './upload.js';

/** Refuses a payload by its announced length, before a byte of it is taken. */
export function checkAnnouncedLength(
  announcement: UploadAnnouncement,
  parameterCount: number,
  encoding: UpdateEncoding,
): void {
  const expected = encodedLength(parameterCount, encoding);
  if (announcement.sizeBytes === expected) return;
  throw new CoordinatorError(
    refusal(
      'invalid-argument',
      'UPDATE_LENGTH_MISMATCH',
      `The update of ${senderOf(announcement)} has ${announcement.sizeBytes} bytes; ` +
        `${parameterCount} parameters as ${encoding.kind} have ${expected}.`,
      'Train the plan of the assignment and encode its delta as the assignment says.',
    ),
  );
}

/**
 * Reads a whole spooled payload once and checks its hash and that every element is finite, so that what is folded
 * afterwards cannot fail half way; gives its L2 norm. Throws `UPDATE_HASH_MISMATCH`, `UPDATE_NOT_FINITE` or `UPDATE_LENGTH_MISMATCH`.
 */
export async function verifyPayload(
  path: string,
  announcement: UploadAnnouncement,
  parameterCount: number,
  encoding: UpdateEncoding,
): Promise<{ readonly norm: number }> {
  const hash = createHash('sha256');
  const validator = createUpdateValidator(parameterCount, encoding);
  let invalid: VectorError | undefined;
  await scanFile(path, (chunk) => {
    hash.update(chunk);
    invalid ??= vectorErrorOf(() => validator.push(chunk));
  });
  // The hash comes first: where it differs, the numbers are not the ones that the device sent.
  const sha256 = hash.digest('hex');
  if (sha256 !== announcement.sha256) {
    throw new CoordinatorError(
      refusal(
        'invalid-argument',
        'UPDATE_HASH_MISMATCH',
        `The update of ${senderOf(announcement)} has SHA-256 ${sha256}, announced was ${announcement.sha256}.`,
        'Send it again from offset 0.',
      ),
    );
  }
  invalid ??= vectorErrorOf(() => validator.finish());
  if (invalid !== undefined) throw new CoordinatorError(refusalOf(invalid, announcement));
  return { norm: validator.norm() };
}

function vectorErrorOf(step: () => void): VectorError | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    if (error instanceof VectorError) return error;
    throw error;
  }
}

function refusalOf(error: VectorError, announcement: UploadAnnouncement): Refusal {
  const what = `The update of ${senderOf(announcement)} cannot be counted: ${error.message}.`;
  if (error.code === 'not-finite' || error.code === 'negative-scale') {
    const remedy = 'Lower the learning rate, or check the examples for values out of range.';
    return refusal('invalid-argument', 'UPDATE_NOT_FINITE', what, remedy);
  }
  return refusal(
    'invalid-argument',
    'UPDATE_LENGTH_MISMATCH',
    what,
    'Encode the delta as the assignment says.',
  );
}
