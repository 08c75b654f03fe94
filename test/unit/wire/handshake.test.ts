import { describe, expect, test } from 'vitest';
import type { ShownLife } from '../../../src/base/life.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import * as wire from '../../../src/wire/index.ts';

const secret = simBytes.utf8Encode('a secret of the cluster');
const nonce = (fill: number): Uint8Array => new Uint8Array(wire.nonceBytes).fill(fill);
const life = (incarnation: number, disk = 'd'.repeat(32), earlier = ['f'.repeat(32)]): ShownLife => ({
  disk,
  incarnation,
  nonce: 'e'.repeat(32),
  earlier,
});
const input: wire.ProofInput = {
  role: 'dialler',
  lane: 'consensus',
  clusterId: '0123456789abcdef0123456789abcdef',
  dialler: { broker: 1, life: life(4), nonce: nonce(1) },
  accepter: { broker: 2, life: life(5), nonce: nonce(2) },
};
const body = (draft: wire.Draft): Uint8Array => draft.head.subarray(wire.wireHeaderBytes);

describe('the handshake', () => {
  test('says who dials whom, and survives its encoding', () => {
    const hello: wire.Hello = {
      lane: 'bulk',
      broker: 1,
      wanted: 2,
      life: life(4),
      clusterId: input.clusterId,
      nonce: nonce(1),
      version: '1.2.3-ü',
      brokers: '1=10.0.0.1:8000, 2=[::1]:8000',
    };
    const challenge = { broker: 2, life: life(5), nonce: nonce(2), proof: nonce(3) };

    expect(wire.decodeHello(body(wire.encodeHello(hello, simBytes)), simBytes)).toEqual(hello);
    expect(wire.decodeChallenge(body(wire.encodeChallenge(challenge)))).toEqual(challenge);
    expect(wire.decodeProof(body(wire.encodeProof(nonce(9))))).toEqual(nonce(9));
    expect(wire.decodeRefusal(body(wire.encodeRefusal({ reason: 'not here', isOfLife: true }, simBytes)), simBytes)).toEqual({
      reason: 'not here',
      isOfLife: true,
    });
  });

  test('takes the proof of who knows the secret', () => {
    expect(wire.proofHolds(secret, input, wire.makeProof(secret, input, simBytes), simBytes)).toBe(true);
  });

  test.each<[string, wire.ProofInput]>([
    ['the other side', { ...input, role: 'accepter' }],
    ['the other lane', { ...input, lane: 'bulk' }],
    ['another cluster', { ...input, clusterId: 'f'.repeat(32) }],
    ['another broker', { ...input, dialler: { ...input.dialler, broker: 3 } }],
    ['an earlier life', { ...input, dialler: { ...input.dialler, life: life(3) } }],
    ['one that names no earlier life', { ...input, dialler: { ...input.dialler, life: life(4, 'd'.repeat(32), []) } }],
    ['another disk', { ...input, accepter: { ...input.accepter, life: life(5, 'a'.repeat(32)) } }],
    ['another link', { ...input, accepter: { ...input.accepter, nonce: nonce(7) } }],
  ])('refuses a proof made for %s', (_, other) => {
    expect(wire.proofHolds(secret, input, wire.makeProof(secret, other, simBytes), simBytes)).toBe(false);
  });

  test('refuses the proof of another secret, and of none', () => {
    const other = simBytes.utf8Encode('another secret');

    expect(wire.proofHolds(secret, input, wire.makeProof(other, input, simBytes), simBytes)).toBe(false);
    expect(wire.proofHolds(secret, input, wire.makeProof(null, input, simBytes), simBytes)).toBe(false);
  });
});
