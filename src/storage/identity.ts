/**
 * `identity`: who a data directory belongs to (design, D11), as a text in a twin file (`twin-text.ts`):
 *
 *     cairn identity 3
 *     sequence 7
 *     cluster 0123456789abcdef0123456789abcdef
 *     broker 1
 *     disk 5f0c1a3be6d24c07a4d3b1f08e92c761
 *     incarnation 7
 *     crc32c 9ac3c25b
 *
 * A damaged file is refused: guessing an identity is how a broker votes twice. Formats 1 and 2 were plain; 1 had no disk, and its directory gets one at
 * the next start.
 */
import type { Result } from '../base/result.ts';
import { runTask, type Task } from '../base/task.ts';
import type { Identity, OpenFailure } from './contract.ts';
import type { StorageHost } from './host.ts';
import { noPeers, storePeers } from './peers.ts';
import { CorruptionFound, guard } from './steps.ts';
import { loadText, type StoredText, storeText, type TextFile } from './twin-text.ts';

const file: TextFile = {
  path: 'identity',
  name: 'identity',
  version: 3,
  plainVersion: 2,
  expected: 'an identity with its checksum',
};

/** As it is read: a directory of format 1 has no disk id. */
type StoredIdentity = Omit<Identity, 'disk'> & { readonly disk: string | null };

/** The identity of this data directory, its incarnation raised by one and durable; null when there is none yet. `newDisk` is for a directory that has no disk id. */
export function startIdentity(host: StorageHost, newDisk: string, done: (result: Result<Identity | null, OpenFailure>) => void): void {
  runTask(() => guard(start(host, newDisk)), done);
}

/** Writes the identity of a new data directory. */
export function createIdentity(host: StorageHost, identity: Identity, done: (result: Result<undefined, OpenFailure>) => void): void {
  runTask(() => guard(store(host, identity, null)), done);
}

/** The identity as it stands, without raising anything; null when there is none. */
export function readIdentity(host: StorageHost, done: (result: Result<StoredIdentity | null, OpenFailure>) => void): void {
  runTask(
    () =>
      guard(
        (function* (): Task<StoredIdentity | null> {
          const text = yield* loadText(host, file);
          return text === null ? null : decode(text);
        })(),
      ),
    done,
  );
}

function* start(host: StorageHost, newDisk: string): Task<Identity | null> {
  const text = yield* loadText(host, file);
  if (text === null) return null;
  const stored = decode(text);
  // The peers first: where there is a disk id, a missing file of them is a lost one.
  if (stored.disk === null) yield* storePeers(host, noPeers);
  const identity = { ...stored, disk: stored.disk ?? newDisk, incarnation: stored.incarnation + 1 };
  yield* store(host, identity, text);
  return identity;
}

function* store(host: StorageHost, { clusterId, brokerId, disk, incarnation }: Identity, previous: StoredText | null): Task<undefined> {
  yield* storeText(host, file, `cluster ${clusterId}\nbroker ${brokerId}\ndisk ${disk}\nincarnation ${incarnation}\n`, previous);
  return undefined;
}

function decode({ version, body }: StoredText): StoredIdentity {
  const match = /^cluster ([0-9a-f]{32})\nbroker ([1-9]\d*)\n(?:disk ([0-9a-f]{32})\n)?incarnation (\d+)\n$/.exec(body);
  if (match === null || (match[3] === undefined) !== (version === 1)) {
    throw new CorruptionFound({ path: file.path, position: 0, expected: file.expected, found: 'other lines' });
  }
  return { clusterId: match[1] as string, brokerId: Number(match[2]), disk: match[3] ?? null, incarnation: Number(match[4]) };
}
