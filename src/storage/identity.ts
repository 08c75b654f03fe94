/**
 * `identity`: who a data directory belongs to (design, D11). A text that people can read, checked by a checksum in its last line:
 *
 *     cairn identity 1
 *     cluster 0123456789abcdef0123456789abcdef
 *     broker 1
 *     incarnation 7
 *     crc32c 9ac3c25b
 *
 * Replaced as a whole, so that it is the old or the new one whatever happens. A damaged file is refused: guessing an identity is how a broker
 * votes twice.
 */
import type { Result } from '../base/result.ts';
import { runTask, type Task } from '../base/task.ts';
import type { Bytes } from '../host/index.ts';
import type { Identity, OpenFailure } from './contract.ts';
import type { StorageHost } from './host.ts';
import { CorruptionFound, guard, hex, readWhole, replaceWhole } from './steps.ts';

export const identityPath = 'identity';

/** The identity of this data directory, its incarnation raised by one and durable; null when there is none yet. */
export function startIdentity(host: StorageHost, done: (result: Result<Identity | null, OpenFailure>) => void): void {
  runTask(() => guard(start(host)), done);
}

/** Writes the identity of a new data directory. */
export function createIdentity(host: StorageHost, identity: Identity, done: (result: Result<undefined, OpenFailure>) => void): void {
  runTask(() => guard(store(host, identity)), done);
}

/** The identity as it stands, without raising anything; null when there is none. */
export function readIdentity(host: StorageHost, done: (result: Result<Identity | null, OpenFailure>) => void): void {
  runTask(() => guard(load(host)), done);
}

function* start(host: StorageHost): Task<Identity | null> {
  const stored = yield* load(host);
  if (stored === null) return null;
  const identity = { ...stored, incarnation: stored.incarnation + 1 };
  yield* store(host, identity);
  return identity;
}

function* load(host: StorageHost): Task<Identity | null> {
  const bytes = yield* readWhole(host.disk, identityPath);
  if (bytes === null) return null;
  const identity = decode(bytes, host.bytes);
  if (identity === null)
    throw new CorruptionFound({ path: identityPath, position: 0, expected: 'an identity with its checksum', found: 'other bytes' });
  return identity;
}

function* store(host: StorageHost, identity: Identity): Task<undefined> {
  yield* replaceWhole(host.disk, identityPath, encode(identity, host.bytes));
  return undefined;
}

function encode(identity: Identity, bytes: Bytes): Uint8Array {
  const text = `cairn identity 1\ncluster ${identity.clusterId}\nbroker ${identity.brokerId}\nincarnation ${identity.incarnation}\n`;
  return bytes.utf8Encode(`${text}crc32c ${hex(bytes.crc32c(bytes.utf8Encode(text)))}\n`);
}

function decode(stored: Uint8Array, bytes: Bytes): Identity | null {
  const match = /^cairn identity 1\ncluster ([0-9a-f]{32})\nbroker ([1-9]\d*)\nincarnation (\d+)\ncrc32c [0-9a-f]{8}\n$/.exec(
    bytes.utf8Decode(stored),
  );
  if (match === null) return null;
  const identity: Identity = { clusterId: match[1] as string, brokerId: Number(match[2]), incarnation: Number(match[3]) };
  // Encoded again it must be the same text, checksum included.
  return bytes.utf8Decode(encode(identity, bytes)) === match[0] ? identity : null;
}
