/**
 * How two brokers get to know one another on a fresh link, before anything else. D dials, A accepts:
 *
 *     1 hello      D -> A  u8 lane (0 consensus, 1 bulk), u32 broker id, u32 id of the broker it wants, its life, 16 bytes cluster id,
 *                          32 bytes nonce, version and list of brokers as texts, each behind a u16
 *     2 challenge  A -> D  u32 broker id, its life, 32 bytes nonce, 32 bytes proof
 *     3 proof      D -> A  32 bytes proof
 *     4 welcome    A -> D  nothing: from now on D may send
 *     5 refusal    A -> D  u8 1 when D's life is the reason, else 0, and why as text behind a u16; A then closes
 *
 * and later, so that a link that leads nowhere any more does not pass for one that does:
 *
 *     6 ping       D -> A  nothing
 *     7 pong       A -> D  u64 highest link sequence of D that has arrived: after a ping, and once a second while bytes come, whole frame or not
 *
 * A life is 16 bytes disk id, u64 incarnation, 16 bytes nonce, u8 count and as many nonces of earlier lives (docs/decisions/0009). Each side compares the other's with what it remembers: D before its
 * proof, A before its welcome.
 *
 * With a secret, a proof is HMAC-SHA-256(secret, role, cluster id, both ids, both lives, lane, both nonces): each side shows that it knows
 * the secret, for this link only, without sending it, and neither can be made to answer the other's challenge (the role differs). Without a secret
 * proofs are zero and any are taken.
 */
import { bytesEqual, concatBytes, fromHex, toHex } from '../base/bytes.ts';
import { incarnationMax, lifeIdBytes, type ShownLife } from '../base/life.ts';
import { hmacSha256 } from '../base/sha256.ts';
import type { Bytes, Lane } from '../host/index.ts';
import { FieldReader, FieldWriter } from './fields.ts';
import { type Draft, draft, headLength, wireHeaderBytes } from './frame.ts';

export const handshakeKinds = { hello: 1, challenge: 2, proof: 3, welcome: 4, refusal: 5, ping: 6, pong: 7 } as const;
/** What a link begins with, as an HTTP/1.1 upgrade; its number rises when the handshake changes. */
export const peerProtocol = 'cairn-peer/7';

/**
 * On a request for an upgrade that asks for none: the sender (`by`) does not accept the certificate of whoever reads it, and so has not dialled. `code` is
 * Node's, such as CERT_HAS_EXPIRED. Nobody has proven anything.
 */
export const distrustHeader = 'cairn-distrusts';

export interface Distrust {
  readonly by: number;
  readonly code: string;
}

export const encodeDistrust = ({ by, code }: Distrust): string => `${by} ${code}`;

export function decodeDistrust(text: string): Distrust | null {
  const [, by, code] = /^(\d{1,7}) ([A-Z0-9_]{1,60})$/.exec(text) ?? [];
  return by === undefined || code === undefined ? null : { by: Number(by), code };
}
export const nonceBytes = 32;
const clusterIdBytes = 16;
const proofBytes = 32;

export interface Hello {
  readonly lane: Lane;
  readonly broker: number;
  readonly wanted: number;
  readonly life: ShownLife;
  /** 32 hex digits. */
  readonly clusterId: string;
  readonly nonce: Uint8Array;
  readonly version: string;
  /** As configured: `1=host:port, 2=host:port`, by id. */
  readonly brokers: string;
}

/** Printable and short of a frame: it is shown to people before its sender has proven itself. */
const brokersText = /^[\x20-\x7e]{0,6000}$/;

export interface Challenge extends Participant {
  readonly proof: Uint8Array;
}

const fields = (bodyBytes: number): FieldWriter => new FieldWriter(headLength(bodyBytes), wireHeaderBytes);

export function encodeHello(hello: Hello, bytes: Bytes): Draft {
  const version = bytes.utf8Encode(hello.version);
  const brokers = bytes.utf8Encode(hello.brokers);
  const textBytes = 2 + version.length + 2 + brokers.length;
  const writer = fields(1 + 4 + 4 + lifeLength(hello.life) + clusterIdBytes + nonceBytes + textBytes);
  writer
    .u8(hello.lane === 'bulk' ? 1 : 0)
    .u32(hello.broker)
    .u32(hello.wanted);
  putLife(writer, hello.life).put(fromHex(hello.clusterId)).put(hello.nonce).short(version).short(brokers);
  return draft(handshakeKinds.hello, 0, writer.bytes);
}

export function decodeHello(body: Uint8Array, bytes: Bytes): Hello | null {
  const reader = new FieldReader(body);
  const lane = reader.u8();
  const broker = reader.u32();
  const wanted = reader.u32();
  const life = takeLife(reader);
  const clusterId = toHex(reader.bytes(clusterIdBytes));
  const nonce = reader.bytes(nonceBytes).slice();
  const version = bytes.utf8Decode(reader.short());
  const brokers = bytes.utf8Decode(reader.short());
  if (!reader.complete || lane > 1 || broker < 1 || !brokersText.test(brokers)) return null;
  return { lane: lane === 1 ? 'bulk' : 'consensus', broker, wanted, life, clusterId, nonce, version, brokers };
}

export function encodeChallenge(challenge: Challenge): Draft {
  const writer = fields(4 + lifeLength(challenge.life) + nonceBytes + proofBytes);
  putLife(writer.u32(challenge.broker), challenge.life).put(challenge.nonce).put(challenge.proof);
  return draft(handshakeKinds.challenge, 0, writer.bytes);
}

export function decodeChallenge(body: Uint8Array): Challenge | null {
  const reader = new FieldReader(body);
  const broker = reader.u32();
  const life = takeLife(reader);
  const nonce = reader.bytes(nonceBytes).slice();
  const proof = reader.bytes(proofBytes).slice();
  return reader.complete ? { broker, life, nonce, proof } : null;
}

export const encodeProof = (proof: Uint8Array): Draft => draft(handshakeKinds.proof, 0, fields(proofBytes).put(proof).bytes);

export function decodeProof(body: Uint8Array): Uint8Array | null {
  return body.length === proofBytes ? body.slice() : null;
}

export const encodeWelcome = (): Draft => draft(handshakeKinds.welcome, 0, fields(0).bytes);

export const encodePing = (): Draft => draft(handshakeKinds.ping, 0, fields(0).bytes);

export const encodePong = (sequence: number): Draft => draft(handshakeKinds.pong, 0, fields(8).u64(sequence).bytes);

export function decodePong(body: Uint8Array): number | null {
  const reader = new FieldReader(body);
  const sequence = reader.u64();
  return reader.complete ? sequence : null;
}

export interface Refusal {
  readonly reason: string;
  /** The life of whoever dialled is not one that may follow what the accepter remembers. */
  readonly isOfLife: boolean;
}

export function encodeRefusal({ reason, isOfLife }: Refusal, bytes: Bytes): Draft {
  const text = bytes.utf8Encode(reason);
  const writer = fields(1 + 2 + text.length).u8(isOfLife ? 1 : 0);
  return draft(handshakeKinds.refusal, 0, writer.short(text).bytes);
}

export function decodeRefusal(body: Uint8Array, bytes: Bytes): Refusal | null {
  const reader = new FieldReader(body);
  const isOfLife = reader.u8() === 1;
  const text = reader.short();
  return reader.complete ? { reason: bytes.utf8Decode(text), isOfLife } : null;
}

/** One side of a handshake, and its nonce for this link. */
export interface Participant {
  readonly broker: number;
  readonly life: ShownLife;
  readonly nonce: Uint8Array;
}

/** What both sides know once hello and challenge have passed. */
export interface ProofInput {
  readonly role: 'dialler' | 'accepter';
  readonly lane: Lane;
  readonly clusterId: string;
  readonly dialler: Participant;
  readonly accepter: Participant;
}

export function makeProof(secret: Uint8Array | null, input: ProofInput, bytes: Bytes): Uint8Array {
  if (secret === null) return new Uint8Array(proofBytes);
  const { dialler, accepter } = input;
  const names = new FieldWriter(4 + 4 + lifeLength(dialler.life) + lifeLength(accepter.life)).u32(dialler.broker).u32(accepter.broker);
  putLife(putLife(names, dialler.life), accepter.life);
  const label = bytes.utf8Encode(`${peerProtocol} ${input.role} ${input.lane}\n`);
  return hmacSha256(secret, concatBytes([label, fromHex(input.clusterId), names.bytes, dialler.nonce, accepter.nonce]));
}

/** Compares without stopping at the first difference. */
export function proofHolds(secret: Uint8Array | null, input: ProofInput, proof: Uint8Array, bytes: Bytes): boolean {
  if (secret === null) return true;
  // A second HMAC under the same key hides where the first one differs, whatever the comparison does.
  return bytesEqual(hmacSha256(secret, makeProof(secret, input, bytes)), hmacSha256(secret, proof));
}

const lifeLength = ({ earlier }: ShownLife): number => lifeIdBytes + 8 + lifeIdBytes + 1 + earlier.length * lifeIdBytes;

function putLife(writer: FieldWriter, { disk, incarnation, nonce, earlier }: ShownLife): FieldWriter {
  writer.put(fromHex(disk)).u64(incarnation).put(fromHex(nonce)).u8(earlier.length);
  for (const one of earlier) writer.put(fromHex(one));
  return writer;
}

function takeLife(reader: FieldReader): ShownLife {
  const takeId = (): string => toHex(reader.bytes(lifeIdBytes));
  return {
    disk: takeId(),
    incarnation: reader.upTo(incarnationMax),
    nonce: takeId(),
    earlier: Array.from({ length: reader.u8() }, takeId),
  };
}
