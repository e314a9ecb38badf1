import { createSeededEntropy } from '../ports/index.js';
import { boxKey, nodeSuite, sealBox } from '../secure-aggregation/keys/index.js';
import { hex } from './text.js';

/** Key agreement, sealing and signing. */
export function keyVectors(): object {
  const entropy = createSeededEntropy('test vectors: keys');
  const [alice, bob] = [nodeSuite.keyPair(entropy.bytes(32)), nodeSuite.keyPair(entropy.bytes(32))];
  const shared = nodeSuite.agreement(alice)(bob.publicKey);
  if (shared === undefined) throw new Error('fresh keys are not weak');
  const nonce = entropy.bytes(24);
  const message = entropy.bytes(73);
  const seed = entropy.bytes(32);
  const signer = nodeSuite.signingKey(seed);
  const weak = ['00'.repeat(32), `01${'00'.repeat(31)}`, `ec${'ff'.repeat(30)}7f`];
  return {
    describes: 'X25519, NaCl box, Ed25519: docs/protocol.md, "Keys and boxes"',
    agreement: {
      secretKeys: [hex(alice.secretKey), hex(bob.secretKey)],
      publicKeys: [hex(alice.publicKey), hex(bob.publicKey)],
      shared: hex(shared),
    },
    box: {
      key: hex(boxKey(shared)),
      nonce: hex(nonce),
      message: hex(message),
      sealed: hex(sealBox(message, nonce, boxKey(shared))),
    },
    signature: {
      seed: hex(seed),
      publicKey: hex(signer.publicKey),
      message: hex(message),
      signature: hex(signer.sign(message)),
    },
    weakPublicKeys: weak.map((key) => ({
      key,
      agreement: nodeSuite.agreement(alice)(Buffer.from(key, 'hex')) === undefined ? 'refused' : 'accepted',
    })),
  };
}
