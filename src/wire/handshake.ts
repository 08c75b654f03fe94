/**
 * How two brokers get to know one another on a fresh link, before anything else. D dials, A accepts:
 *
 *     1 hello      D -> A  u8 lane (0 consensus, 1 bulk), u32 broker id, u32 id of the broker it wants, u64 incarnation, 16 bytes cluster id,
 *                          32 bytes nonce, version as text behind a u16
 *     2 challenge  A -> D  u32 broker id, u64 incarnation, 32 bytes nonce, 32 bytes proof
 *     3 proof      D -> A  32 bytes proof
 *     4 welcome    A -> D  nothing: from now on D may send
 *     5 refusal    A -> D  why, as text behind a u16; A then closes
 *
 * and later, so that a link that leads nowhere any more does not pass for one that does:
 *
 *     6 ping       D -> A  nothing
 *     7 pong       A -> D  nothing: what D has sent before has arrived
 *
 * With a secret, a proof is HMAC-SHA-256(secret, role, cluster id, both ids, both incarnations, lane, both nonces): each side shows that it knows
 * the secret, for this link only, without sending it, and neither can be made to answer the other's challenge (the role differs). Without a secret
 * proofs are zero and any are taken.
 */
import { bytesEqual, concatBytes } from '../base/bytes.ts';
import { hmacSha256 } from '../base/sha256.ts';
import type { Bytes, Lane } from '../host/index.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { type Draft, draft, headLength, wireHeaderBytes } from './frame.ts';

export const handshakeKinds = { hello: 1, challenge: 2, proof: 3, welcome: 4, refusal: 5, ping: 6, pong: 7 } as const;
export const nonceBytes = 32;
const clusterIdBytes = 16;
const proofBytes = 32;

export interface Hello {
  readonly lane: Lane;
  readonly broker: number;
  readonly wanted: number;
  readonly incarnation: number;
  /** 32 hex digits. */
  readonly clusterId: string;
  readonly nonce: Uint8Array;
  readonly version: string;
}

export interface Challenge {
  readonly broker: number;
  readonly incarnation: number;
  readonly nonce: Uint8Array;
  readonly proof: Uint8Array;
}

const fields = (bodyBytes: number): FieldWriter => new FieldWriter(headLength(bodyBytes), wireHeaderBytes);

export function encodeHello(hello: Hello, bytes: Bytes): Draft {
  const version = bytes.utf8Encode(hello.version);
  const writer = fields(1 + 4 + 4 + 8 + clusterIdBytes + nonceBytes + 2 + version.length);
  writer
    .u8(hello.lane === 'bulk' ? 1 : 0)
    .u32(hello.broker)
    .u32(hello.wanted)
    .u64(hello.incarnation);
  writer.put(clusterIdToBytes(hello.clusterId)).put(hello.nonce).short(version);
  return draft(handshakeKinds.hello, 0, writer.bytes);
}

export function decodeHello(body: Uint8Array, bytes: Bytes): Hello | null {
  const reader = new FieldReader(body);
  const lane = reader.u8();
  const broker = reader.u32();
  const wanted = reader.u32();
  const incarnation = reader.u64();
  const clusterId = clusterIdToText(reader.bytes(clusterIdBytes));
  const nonce = reader.bytes(nonceBytes).slice();
  const version = bytes.utf8Decode(reader.short());
  if (!reader.complete || lane > 1 || broker < 1) return null;
  return { lane: lane === 1 ? 'bulk' : 'consensus', broker, wanted, incarnation, clusterId, nonce, version };
}

export function encodeChallenge(challenge: Challenge): Draft {
  const writer = fields(4 + 8 + nonceBytes + proofBytes);
  writer.u32(challenge.broker).u64(challenge.incarnation).put(challenge.nonce).put(challenge.proof);
  return draft(handshakeKinds.challenge, 0, writer.bytes);
}

export function decodeChallenge(body: Uint8Array): Challenge | null {
  const reader = new FieldReader(body);
  const broker = reader.u32();
  const incarnation = reader.u64();
  const nonce = reader.bytes(nonceBytes).slice();
  const proof = reader.bytes(proofBytes).slice();
  return reader.complete ? { broker, incarnation, nonce, proof } : null;
}

export const encodeProof = (proof: Uint8Array): Draft => draft(handshakeKinds.proof, 0, fields(proofBytes).put(proof).bytes);

export function decodeProof(body: Uint8Array): Uint8Array | null {
  return body.length === proofBytes ? body.slice() : null;
}

export const encodeWelcome = (): Draft => draft(handshakeKinds.welcome, 0, fields(0).bytes);

export const encodePing = (): Draft => draft(handshakeKinds.ping, 0, fields(0).bytes);

export const encodePong = (): Draft => draft(handshakeKinds.pong, 0, fields(0).bytes);

export function encodeRefusal(reason: string, bytes: Bytes): Draft {
  const text = bytes.utf8Encode(reason);
  return draft(handshakeKinds.refusal, 0, fields(2 + text.length).short(text).bytes);
}

export function decodeRefusal(body: Uint8Array, bytes: Bytes): string | null {
  const reader = new FieldReader(body);
  const text = reader.short();
  return reader.complete ? bytes.utf8Decode(text) : null;
}

/** What both sides know once hello and challenge have passed. */
export interface ProofInput {
  readonly role: 'dialler' | 'accepter';
  readonly lane: Lane;
  readonly clusterId: string;
  readonly dialler: { readonly broker: number; readonly incarnation: number; readonly nonce: Uint8Array };
  readonly accepter: { readonly broker: number; readonly incarnation: number; readonly nonce: Uint8Array };
}

export function makeProof(secret: Uint8Array | null, input: ProofInput, bytes: Bytes): Uint8Array {
  if (secret === null) return new Uint8Array(proofBytes);
  const { dialler, accepter } = input;
  const numbers = new FieldWriter(24).u32(dialler.broker).u32(accepter.broker).u64(dialler.incarnation).u64(accepter.incarnation);
  const label = bytes.utf8Encode(`cairn-peer/1 ${input.role} ${input.lane}\n`);
  return hmacSha256(secret, concatBytes([label, clusterIdToBytes(input.clusterId), numbers.bytes, dialler.nonce, accepter.nonce]));
}

/** Compares without stopping at the first difference. */
export function proofHolds(secret: Uint8Array | null, input: ProofInput, proof: Uint8Array, bytes: Bytes): boolean {
  if (secret === null) return true;
  // A second HMAC under the same key hides where the first one differs, whatever the comparison does.
  return bytesEqual(hmacSha256(secret, makeProof(secret, input, bytes)), hmacSha256(secret, proof));
}

export const isClusterId = (text: string): boolean => /^[0-9a-f]{32}$/.test(text);

function clusterIdToBytes(text: string): Uint8Array {
  const id = new Uint8Array(clusterIdBytes);
  for (let i = 0; i < clusterIdBytes; i++) id[i] = Number.parseInt(text.slice(i * 2, i * 2 + 2), 16);
  return id;
}

function clusterIdToText(id: Uint8Array): string {
  let text = '';
  for (const byte of id) text += byte.toString(16).padStart(2, '0');
  return text;
}
