// A peer that has proven itself and then sends any number in any place: whoever reads it refuses it or lives with it, and no broker ends.
import { expect, test } from 'vitest';
import { concatBytes, setU32, viewOf } from '../../../src/base/bytes.ts';
import { SeededRandom } from '../../../src/base/random.ts';
import type { BrokerOptions } from '../../../src/broker/index.ts';
import type { Network } from '../../../src/host/index.ts';
import { simBytes } from '../../../src/sim/bytes.ts';
import * as wire from '../../../src/wire/index.ts';
import { appendOf, readOf, Rig } from './rig.ts';

const forger = 3;
/** Where numbers stop fitting what holds them, as u64. */
const edges = [
  0n,
  1n,
  ...[7n, 8n, 15n, 16n, 31n, 32n, 47n, 48n, 52n, 53n, 63n, 64n].flatMap((bits) => [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n]),
];
/** Of an append: what stands before the batch, and the fields of its header (`record/record-batch.ts`) with their lengths. */
const appendFieldsBytes = 25;
const batchFields = [
  [0, 8],
  [8, 4],
  [12, 4],
  [16, 1],
  [21, 2],
  [23, 4],
  [27, 8],
  [35, 8],
  [43, 8],
  [51, 2],
  [53, 4],
  [57, 4],
] as const;

interface Forgery {
  readonly random: SeededRandom;
  /** Which kinds of frames are touched. */
  readonly touches: (kind: number) => boolean;
  readonly forgedByKind: Map<number, number>;
  isOn: boolean;
}

/** Overwrites one number of every other frame that is touched, under checksums that are right. */
function forging(network: Network, forgery: Forgery): Network {
  const { random } = forgery;
  const pick = <Value>(values: readonly Value[]): Value => values[random.below(values.length)] as Value;
  const put = (bytes: Uint8Array, at: number, length: number): void => {
    const edge = BigInt.asUintN(64, pick(edges));
    for (let i = 0; i < length; i++) bytes[at + i] = Number((edge >> BigInt(8 * (length - 1 - i))) & 0xffn);
  };
  const forge = (frame: Uint8Array): void => {
    const kind = frame[13] as number;
    const body = frame.subarray(wire.wireHeaderBytes + viewOf(frame).getUint16(14));
    if (!forgery.isOn || !forgery.touches(kind) || random.chance(0.5)) return;
    if (kind === wire.requestKinds.append && random.chance(0.5)) {
      const batch = body.subarray(appendFieldsBytes);
      const [at, length] = pick(batchFields);
      put(batch, at, length);
      setU32(batch, 17, simBytes.crc32c(batch.subarray(21)));
    } else if (random.chance(0.1)) {
      put(frame, pick([12, 24, 26, 30]), 2);
    } else {
      const length = pick([1, 2, 4, 8, 8, 8]);
      if (body.length >= length) put(body, random.below(Math.min(64, body.length - length + 1)), length);
    }
    setU32(frame, 4, simBytes.crc32c(frame.subarray(8)));
    forgery.forgedByKind.set(kind, (forgery.forgedByKind.get(kind) ?? 0) + 1);
  };
  return {
    accept: (onLink, onDistrusted) => network.accept(onLink, onDistrusted),
    dial: (peer, lane, handlers) => {
      const link = network.dial(peer, lane, handlers);
      const send = (chunks: readonly Uint8Array[]): void => {
        const bytes = concatBytes(chunks).slice();
        for (let at = 0; at < bytes.length; ) {
          const end = at + viewOf(bytes).getUint32(at) + 4;
          forge(bytes.subarray(at, end));
          at = end;
        }
        link.send([bytes]);
      };
      return { send, bytesQueued: 0, close: (reason) => link.close(reason) };
    },
  };
}

function forgingRig(seed: number, touches: (kind: number) => boolean): { readonly rig: Rig; readonly forgery: Forgery } {
  const forgery: Forgery = { random: new SeededRandom(seed), touches, forgedByKind: new Map(), isOn: false };
  const change = (options: BrokerOptions): BrokerOptions => {
    if (options.self.id !== forger) return options;
    return { ...options, host: { ...options.host, network: forging(options.host.network, forgery) } };
  };
  const rig = new Rig({ seed, change });
  rig.createTopic('orders');
  rig.awaitLeader('orders');
  return { rig, forgery };
}

/** Everything that brokers ask of one another, asked at every broker. */
function askForAll(rig: Rig, round: number): void {
  for (const { id } of rig.alive) {
    const requestId = `${id}-${round}`;
    rig.beginAppend(id, ['a', 'b']);
    rig.beginAppend(id, ['c'], { requestId, expectedOffset: round % 3 === 0 ? round : null, timeoutMs: 300 });
    rig.beginAppend(id, ['c'], { requestId, sequence: 1, topic: 'orders', firstAttemptMs: round });
    rig.begin(id, (service, answer) => service.revoke('log', `gone-${requestId}`, answer));
    rig.begin(id, (service, answer) => service.read(readOf({ freshness: 'linearizable' }), answer));
    rig.begin(id, (service, answer) => service.nextSequence({ topic: 'log', requestId }, answer));
    rig.begin(id, (service, answer) => service.brokers(answer));
    rig.begin(id, (service, answer) => service.append(appendOf(['d'], { level: 'all', timeoutMs: 200 }), answer));
  }
  rig.run(100);
}

const allAreUp = (rig: Rig): boolean => rig.cluster.members.every((member) => rig.cluster.isUp(member));

test.each([1, 2])('what one broker asks of another, and answers it: any number in any place (seed %i)', (seed) => {
  const { rig, forgery } = forgingRig(seed, (kind) => wire.isRequestKind(kind) || wire.isAnswerKind(kind));
  // Both when it asks the leader and when it is the one that answers.
  if (seed % 2 === 0) rig.makeLeader(forger);
  forgery.isOn = true;

  for (let round = 0; round < 15; round++) {
    askForAll(rig, round);
    expect(allAreUp(rig), `round ${round}: ${JSON.stringify(rig.lines.slice(-3))}`).toBe(true);
  }

  forgery.isOn = false;
  rig.run(12_000);
  // What it has spoilt of its own, such as the sequence of its batches, is its own loss.
  for (const id of [1, 2]) expect(rig.appended(id, ['after'], { timeoutMs: 15_000 }).committed).toBe(true);
  expect(rig.violations).toEqual([]);
  expect([...forgery.forgedByKind.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(50);
});

test.each([3, 4, 5, 8])('what one broker tells another: any number in any place (seed %i)', (seed) => {
  const { rig, forgery } = forgingRig(seed, (kind) => kind > wire.handshakeKinds.pong);
  if (seed % 2 === 0) rig.makeLeader(forger);
  forgery.isOn = true;

  for (let round = 0; round < 15; round++) {
    askForAll(rig, round);
    expect(allAreUp(rig), `round ${round}: ${JSON.stringify(rig.lines.slice(-3))}`).toBe(true);
  }
  expect([...forgery.forgedByKind.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(20);
});
