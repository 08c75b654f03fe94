/**
 * `peers`: what this broker and the others know of one another's lives (docs/decisions/0009), as a text in a twin file (`twin-text.ts`):
 *
 *     cairn peers 2
 *     sequence 4
 *     broker 2 disk 5f0c1a3be6d24c07a4d3b1f08e92c761 incarnation 7 nonce 0b7be2d8c4f9426c9d1f1c0f2a6b5e38
 *     broker 3 disk 91e4d0c2aa4b4f6f8f0d2c1b3a495867 incarnation 2 nonce c0ffee5d8be24b0e8d0c5a7f6e1d2b3c
 *     shown 2 nonce 77aa1e2f90b34c5d8e6f7a8b9c0d1e2f
 *     crc32c 1c0f5e2a
 *
 * A line `broker` is the last life of a peer that this broker has dealt with; a line `shown` is a life of its own that this peer may remember as the
 * last. Made with the data directory. A missing or damaged file is refused: whoever forgets what its peers were takes a wiped disk for the one that it
 * had. Format 1 was plain.
 */
import type { Life } from '../base/life.ts';
import type { Result } from '../base/result.ts';
import { runTask, type Task } from '../base/task.ts';
import type { OpenFailure } from './contract.ts';
import type { StorageHost } from './host.ts';
import { CorruptionFound, guard } from './steps.ts';
import { loadText, storeText, type TextFile } from './twin-text.ts';

const file: TextFile = {
  path: 'peers',
  name: 'peers',
  version: 2,
  plainVersion: 1,
  expected: 'the lives of peers with their checksum',
};

/** By broker id. */
export interface KnownPeers {
  readonly lives: ReadonlyMap<number, Life>;
  /** Nonces, the oldest first. */
  readonly shown: ReadonlyMap<number, readonly string[]>;
}

export const noPeers: KnownPeers = { lives: new Map(), shown: new Map() };

/** What is known as it stands, stored once more: a killed process may have left it in the page cache only, and a damaged page in one copy only. */
export function readPeers(host: StorageHost, done: (result: Result<KnownPeers, OpenFailure>) => void): void {
  runTask(() => guard(load(host)), done);
}

/** Replaces all that is known; durable when it is done. */
export function writePeers(host: StorageHost, peers: KnownPeers, done: (result: Result<undefined, OpenFailure>) => void): void {
  runTask(() => guard(storePeers(host, peers)), done);
}

export function* storePeers(host: StorageHost, peers: KnownPeers): Task<undefined> {
  yield* storeText(host, file, encode(peers), yield* loadText(host, file));
  return undefined;
}

function* load(host: StorageHost): Task<KnownPeers> {
  const text = yield* loadText(host, file);
  const peers = text === null ? null : decode(text.body);
  if (text === null || peers === null) {
    const found = text === null ? 'no file' : 'other lines';
    throw new CorruptionFound({ path: file.path, position: 0, expected: file.expected, found });
  }
  yield* storeText(host, file, text.body, text);
  return peers;
}

function encode({ lives, shown }: KnownPeers): string {
  let text = '';
  for (const [broker, { disk, incarnation, nonce }] of byId(lives))
    text += `broker ${broker} disk ${disk} incarnation ${incarnation} nonce ${nonce}\n`;
  for (const [broker, nonces] of byId(shown)) for (const nonce of nonces) text += `shown ${broker} nonce ${nonce}\n`;
  return text;
}

const byId = <Value>(map: ReadonlyMap<number, Value>): [number, Value][] => [...map].sort(([a], [b]) => a - b);

function decode(body: string): KnownPeers | null {
  const lives = new Map<number, Life>();
  const shown = new Map<number, string[]>();
  for (const line of body.split('\n').slice(0, -1)) {
    const match = /^(?:broker (\d+) disk ([0-9a-f]{32}) incarnation (\d+)|shown (\d+)) nonce ([0-9a-f]{32})$/.exec(line);
    if (match === null) return null;
    const [, broker, disk, incarnation, shownTo, nonce = ''] = match;
    if (disk !== undefined) lives.set(Number(broker), { disk, incarnation: Number(incarnation), nonce });
    else shown.set(Number(shownTo), [...(shown.get(Number(shownTo)) ?? []), nonce]);
  }
  return { lives, shown };
}
