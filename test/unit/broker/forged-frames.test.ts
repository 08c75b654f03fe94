// A peer that has proven itself and then sends any number in any place: whoever reads it refuses it or lives with it, and no broker ends.
import { expect, test } from 'vitest';
import { concatBytes, setU32 } from '../../../src/base/bytes.ts';
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
/** What consensus rests on, and of which group it is, is left as it is: of a peer that lies about votes and terms, two leaders in one term are a reason to end. */
const termAndFlagsBytes = 9;
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
  const edge = (): bigint => BigInt.asUintN(64, pick(edges));
  const put = (bytes: Uint8Array, at: number, length: number): void => {
    const value = edge();
    for (let i = 0; i < length; i++) bytes[at + i] = Number((value >> BigInt(8 * (length - 1 - i))) & 0xffn);
  };
  const forgeBody = (kind: number, body: Uint8Array): void => {
    if (kind === wire.requestKinds.append && random.chance(0.5)) {
      const batch = body.subarray(appendFieldsBytes);
      const [at, length] = pick(batchFields);
      put(batch, at, length);
      setU32(batch, 17, simBytes.crc32c(batch.subarray(21)));
      return;
    }
    const from = wire.isRaftKind(kind) ? termAndFlagsBytes : 0;
    const length = pick([1, 2, 4, 8, 8, 8]);
    if (body.length >= from + length) put(body, from + random.below(Math.min(64, body.length - from - length + 1)), length);
  };
  /** The same frame, or one with another number in it, sealed. */
  const passOn = ({ kind, group, sequence, stamp, body }: wire.WireFrame, chunks: Uint8Array[]): void => {
    const head = concatBytes([new Uint8Array(wire.wireHeaderBytes), body]);
    const isForged = forgery.isOn && forgery.touches(kind) && random.chance(0.5);
    const isInHeader = isForged && random.chance(0.1);
    if (isForged) forgery.forgedByKind.set(kind, (forgery.forgedByKind.get(kind) ?? 0) + 1);
    if (isForged && !isInHeader) forgeBody(kind, head.subarray(wire.wireHeaderBytes));
    const forgedStamp = { ms: Number(BigInt.asUintN(48, edge())), counter: stamp.counter };
    const forgedGroup = isInHeader && !wire.isRaftKind(kind) && random.chance(0.5) ? Number(BigInt.asUintN(32, edge())) : group;
    wire.sealFrame(wire.draft(kind, forgedGroup, head), sequence, isInHeader ? forgedStamp : stamp, simBytes, chunks);
  };
  return {
    accept: (onLink, onDistrusted) => network.accept(onLink, onDistrusted),
    dial: (peer, lane, handlers) => {
      const link = network.dial(peer, lane, handlers);
      const reader = new wire.FrameReader(simBytes, wire.wireFrameBytesMax);
      const send = (chunks: readonly Uint8Array[]): void => {
        const passed: Uint8Array[] = [];
        reader.push(concatBytes(chunks), (frame) => passOn(frame, passed));
        link.send(passed);
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
    rig.begin(id, (service, answer) => service.revoke({ topic: 'log' }, `gone-${requestId}`, answer));
    rig.begin(id, (service, answer) => service.read(readOf({ freshness: 'linearizable' }), answer));
    rig.begin(id, (service, answer) => service.nextSequence({ topic: 'log', requestId }, answer));
    rig.begin(id, (service, answer) => service.brokers(null, answer));
    rig.begin(id, (service, answer) => service.append(appendOf(['d'], { level: 'all', timeoutMs: 200 }), answer));
  }
  rig.run(100);
}

/** Nothing is made of a frame that is damaged: it ends its link. */
const damagedCount = (rig: Rig): number => rig.lines.filter(({ event }) => event === 'linkDamaged').length;
const allAreUp = (rig: Rig): boolean => rig.cluster.members.every((member) => rig.cluster.isUp(member));

test.each([1, 2])('what one broker asks of another, and answers it: any number in any place (seed %i)', (seed) => {
  const { rig, forgery } = forgingRig(seed, (kind) => wire.isRequestKind(kind) || wire.isAnswerKind(kind));
  // Both when it asks the leader and when it is the one that answers.
  if (seed % 2 === 0) rig.makeLeader(forger);
  forgery.isOn = true;

  for (let round = 0; round < 15; round++) {
    askForAll(rig, round);
    expect(allAreUp(rig), `round ${round}: ${JSON.stringify(rig.violations)}`).toBe(true);
  }

  forgery.isOn = false;
  rig.run(12_000);
  // What it has spoilt of its own, such as the sequence of its batches, is its own loss.
  for (const id of [1, 2]) expect(rig.appended(id, ['after'], { timeoutMs: 15_000 }).committed).toBe(true);
  expect(rig.violations).toEqual([]);
  expect(damagedCount(rig)).toBe(0);
  expect([...forgery.forgedByKind.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(50);
});

test.each([3, 4, 5, 8])('what one broker tells another: any number in any place (seed %i)', (seed) => {
  const { rig, forgery } = forgingRig(seed, (kind) => kind > wire.handshakeKinds.pong);
  if (seed % 2 === 0) rig.makeLeader(forger);
  forgery.isOn = true;

  for (let round = 0; round < 15; round++) {
    askForAll(rig, round);
    expect(allAreUp(rig), `round ${round}: ${JSON.stringify(rig.violations)}`).toBe(true);
  }
  expect(damagedCount(rig)).toBe(0);
  expect([...forgery.forgedByKind.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(20);
});
