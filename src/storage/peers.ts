/**
 * `peers`: what this broker and the others know of one another's lives (docs/decisions/0011). Text with a checksum, as the identity:
 *
 *     cairn peers 1
 *     broker 2 disk 5f0c1a3be6d24c07a4d3b1f08e92c761 incarnation 7 nonce 0b7be2d8c4f9426c9d1f1c0f2a6b5e38
 *     broker 3 disk 91e4d0c2aa4b4f6f8f0d2c1b3a495867 incarnation 2 nonce c0ffee5d8be24b0e8d0c5a7f6e1d2b3c
 *     shown 2 nonce 77aa1e2f90b34c5d8e6f7a8b9c0d1e2f
 *     crc32c 1c0f5e2a
 *
 * A line `broker` is the last life of a peer that this broker has dealt with; a line `shown` is a life of its own that this peer may remember as the
 * last. Made with the data directory and replaced as a whole. A missing or damaged file is refused: whoever forgets what its peers were takes a wiped
 * disk for the one that it had.
 */
import type { Life } from '../base/life.ts';
import type { Result } from '../base/result.ts';
import { runTask, type Task } from '../base/task.ts';
import type { Bytes } from '../host/index.ts';
import type { OpenFailure } from './contract.ts';
import type { StorageHost } from './host.ts';
import { CorruptionFound, guard, hex, readWhole, replaceWhole, syncDirectory } from './steps.ts';

const peersPath = 'peers';

/** By broker id. */
export interface KnownPeers {
  readonly lives: ReadonlyMap<number, Life>;
  /** Nonces, the oldest first. */
  readonly shown: ReadonlyMap<number, readonly string[]>;
}

export const noPeers: KnownPeers = { lives: new Map(), shown: new Map() };

export function readPeers(host: StorageHost, done: (result: Result<KnownPeers, OpenFailure>) => void): void {
  runTask(() => guard(load(host)), done);
}

/** Replaces all that is known; durable when it is done. */
export function writePeers(host: StorageHost, peers: KnownPeers, done: (result: Result<undefined, OpenFailure>) => void): void {
  runTask(() => guard(storePeers(host, peers)), done);
}

export function* storePeers(host: StorageHost, peers: KnownPeers): Task<undefined> {
  yield* replaceWhole(host.disk, peersPath, encode(peers, host.bytes));
  return undefined;
}

function* load(host: StorageHost): Task<KnownPeers> {
  const bytes = yield* readWhole(host.disk, peersPath);
  const peers = bytes === null ? null : decode(bytes, host.bytes);
  if (peers === null) {
    const found = bytes === null ? 'no file' : 'other bytes';
    throw new CorruptionFound({ path: peersPath, position: 0, expected: 'the lives of peers with their checksum', found });
  }
  // Its name may be in memory only, if the process that wrote it was killed before it synced the folder.
  yield* syncDirectory(host.disk, '');
  return peers;
}

function encode({ lives, shown }: KnownPeers, bytes: Bytes): Uint8Array {
  let text = 'cairn peers 1\n';
  for (const [broker, { disk, incarnation, nonce }] of byId(lives))
    text += `broker ${broker} disk ${disk} incarnation ${incarnation} nonce ${nonce}\n`;
  for (const [broker, nonces] of byId(shown)) for (const nonce of nonces) text += `shown ${broker} nonce ${nonce}\n`;
  return bytes.utf8Encode(`${text}crc32c ${hex(bytes.crc32c(bytes.utf8Encode(text)))}\n`);
}

const byId = <Value>(map: ReadonlyMap<number, Value>): [number, Value][] => [...map].sort(([a], [b]) => a - b);

function decode(stored: Uint8Array, bytes: Bytes): KnownPeers | null {
  const text = bytes.utf8Decode(stored);
  const lives = new Map<number, Life>();
  const shown = new Map<number, string[]>();
  for (const line of text.split('\n').slice(1, -2)) {
    const match = /^(?:broker (\d+) disk ([0-9a-f]{32}) incarnation (\d+)|shown (\d+)) nonce ([0-9a-f]{32})$/.exec(line);
    if (match === null) return null;
    const [, broker, disk, incarnation, shownTo, nonce = ''] = match;
    if (disk !== undefined) lives.set(Number(broker), { disk, incarnation: Number(incarnation), nonce });
    else shown.set(Number(shownTo), [...(shown.get(Number(shownTo)) ?? []), nonce]);
  }
  // Encoded again it must be the same text, first line and checksum included.
  return bytes.utf8Decode(encode({ lives, shown }, bytes)) === text ? { lives, shown } : null;
}
