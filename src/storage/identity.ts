/**
 * `identity`: who a data directory belongs to (design, D11). A text that people can read, checked by a checksum in its last line:
 *
 *     cairn identity 2
 *     cluster 0123456789abcdef0123456789abcdef
 *     broker 1
 *     disk 5f0c1a3be6d24c07a4d3b1f08e92c761
 *     incarnation 7
 *     crc32c 9ac3c25b
 *
 * Replaced as a whole, so that it is the old or the new one whatever happens. A damaged file is refused: guessing an identity is how a broker
 * votes twice. Format 1 had no disk; its directory gets one at the next start.
 */
import type { Result } from '../base/result.ts';
import { runTask, type Task } from '../base/task.ts';
import type { Bytes } from '../host/index.ts';
import type { Identity, OpenFailure } from './contract.ts';
import type { StorageHost } from './host.ts';
import { noPeers, storePeers } from './peers.ts';
import { CorruptionFound, guard, hex, readWhole, replaceWhole } from './steps.ts';

const identityPath = 'identity';

/** As it is read: a directory of format 1 has no disk id. */
type StoredIdentity = Omit<Identity, 'disk'> & { readonly disk: string | null };

/** The identity of this data directory, its incarnation raised by one and durable; null when there is none yet. `newDisk` is for a directory that has no disk id. */
export function startIdentity(host: StorageHost, newDisk: string, done: (result: Result<Identity | null, OpenFailure>) => void): void {
  runTask(() => guard(start(host, newDisk)), done);
}

/** Writes the identity of a new data directory. */
export function createIdentity(host: StorageHost, identity: Identity, done: (result: Result<undefined, OpenFailure>) => void): void {
  runTask(() => guard(store(host, identity)), done);
}

/** The identity as it stands, without raising anything; null when there is none. */
export function readIdentity(host: StorageHost, done: (result: Result<StoredIdentity | null, OpenFailure>) => void): void {
  runTask(() => guard(load(host)), done);
}

function* start(host: StorageHost, newDisk: string): Task<Identity | null> {
  const stored = yield* load(host);
  if (stored === null) return null;
  // The peers first: where there is a disk id, a missing file of them is a lost one.
  if (stored.disk === null) yield* storePeers(host, noPeers);
  const identity = { ...stored, disk: stored.disk ?? newDisk, incarnation: stored.incarnation + 1 };
  yield* store(host, identity);
  return identity;
}

function* load(host: StorageHost): Task<StoredIdentity | null> {
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

function encode({ clusterId, brokerId, disk, incarnation }: StoredIdentity, bytes: Bytes): Uint8Array {
  const [version, diskLine] = disk === null ? [1, ''] : [2, `disk ${disk}\n`];
  const text = `cairn identity ${version}\ncluster ${clusterId}\nbroker ${brokerId}\n${diskLine}incarnation ${incarnation}\n`;
  return bytes.utf8Encode(`${text}crc32c ${hex(bytes.crc32c(bytes.utf8Encode(text)))}\n`);
}

function decode(stored: Uint8Array, bytes: Bytes): StoredIdentity | null {
  const match =
    /^cairn identity [12]\ncluster ([0-9a-f]{32})\nbroker ([1-9]\d*)\n(?:disk ([0-9a-f]{32})\n)?incarnation (\d+)\ncrc32c [0-9a-f]{8}\n$/.exec(
      bytes.utf8Decode(stored),
    );
  if (match === null) return null;
  const identity = { clusterId: match[1] as string, brokerId: Number(match[2]), disk: match[3] ?? null, incarnation: Number(match[4]) };
  // Encoded again it must be the same text, version and checksum included.
  return bytes.utf8Decode(encode(identity, bytes)) === match[0] ? identity : null;
}
