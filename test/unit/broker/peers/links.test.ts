import { describe, expect, test } from 'vitest';
import { concatBytes, viewOf } from '../../../../src/base/bytes.ts';
import { brokerId } from '../../../../src/base/branded.ts';
import type { ShownLife } from '../../../../src/base/life.ts';
import { CausalRing } from '../../../../src/broker/causal-ring.ts';
import { Counters } from '../../../../src/broker/counters.ts';
import { FaultsByHand } from '../../../../src/broker/peers/faults-by-hand.ts';
import { Links } from '../../../../src/broker/peers/links.ts';
import type { Meeting } from '../../../../src/broker/peers/peer-lives.ts';
import { SeededRandom } from '../../../../src/base/random.ts';
import type { Host, Link, LinkHandlers } from '../../../../src/host/index.ts';
import { simBytes } from '../../../../src/sim/bytes.ts';
import * as wire from '../../../../src/wire/index.ts';
import { Rig } from '../rig.ts';

const clusterId = '0123456789abcdef0123456789abcdef';
const secret = simBytes.utf8Encode('the secret');
const life = (incarnation: number): ShownLife => ({ disk: 'd'.repeat(32), incarnation, nonce: 'e'.repeat(32), earlier: [] });
const stamp = { ms: 1, counter: 0 };

/** Broker 2 without a network: the test is whoever dials it. */
class Acceptor {
  readonly frames: { readonly kind: number; readonly isInOrder: boolean }[] = [];
  readonly answers: wire.WireFrame[] = [];
  readonly causes: CausalRing;
  /** Peers that are being written down. */
  readonly meetings: ((meeting: Meeting) => void)[] = [];
  readonly links: Links;
  readonly faults: FaultsByHand;
  closed: string | null = null;
  readonly #handlers: LinkHandlers;
  #sequence = 0;

  constructor() {
    let onLink: ((link: Link) => LinkHandlers) | null = null;
    const timer = { cancel: () => undefined };
    const host: Pick<Host, 'clock' | 'bytes' | 'random' | 'network' | 'logger'> = {
      clock: { monotonicMs: () => 0, wallMs: () => 0, startTimer: () => timer, defer: () => undefined },
      bytes: simBytes,
      random: { next: () => 1, below: () => 0, bytes: (length) => new Uint8Array(length).fill(new SeededRandom(1).below(256)) },
      network: { dial: () => ({ send: () => undefined, bytesQueued: 0, close: () => undefined }), accept: (take) => (onLink = take) },
      logger: { log: () => undefined },
    };
    this.causes = new CausalRing(2, host.clock, () => stamp, 100);
    const identity = {
      self: brokerId(2),
      peers: [brokerId(1), brokerId(3)],
      clusterId,
      version: 'test',
      brokers: '1=a:1, 2=b:1, 3=c:1',
      secret,
    };
    this.faults = new FaultsByHand(identity.self, [identity.self, ...identity.peers]);
    this.links = new Links(
      {
        ...host,
        ...identity,
        counters: new Counters(),
        causes: this.causes,
        logSpans: { isActive: false, tracesOf: () => [] },
        linkBytesMax: 1e6,
        linkIdleMs: 60_000,
        faults: this.faults,
        stamp: () => stamp,
        lives: {
          shownTo: () => life(5),
          show: (_peer, then) => then({ kind: 'known' }),
          meet: (_peer, _life, then) => void this.meetings.push(then),
          confirmed: () => undefined,
        },
      },
      {
        frame: (_peer, frame, isInOrder) => void this.frames.push({ kind: frame.kind, isInOrder }),
        stamped: () => undefined,
        lost: () => undefined,
        ready: () => undefined,
        met: () => undefined,
        disowned: () => undefined,
      },
    );
    this.links.open();
    const reader = new wire.FrameReader(simBytes, wire.wireFrameBytesMax);
    const link: Link = {
      send: (chunks) => reader.push(concatBytes(chunks), (frame) => void this.answers.push(frame)),
      bytesQueued: 0,
      close: (reason) => {
        this.closed = reason;
      },
    };
    this.#handlers = (onLink as unknown as (link: Link) => LinkHandlers)(link);
  }

  send(draft: wire.Draft, sequence = ++this.#sequence): void {
    const chunks: Uint8Array[] = [];
    wire.sealFrame(draft, sequence, stamp, simBytes, chunks);
    this.#handlers.received(concatBytes(chunks));
  }

  hello(change: Partial<wire.Hello> = {}): void {
    const nonce = new Uint8Array(wire.nonceBytes).fill(1);
    this.send(
      wire.encodeHello(
        {
          lane: 'consensus',
          broker: 1,
          wanted: 2,
          life: life(4),
          clusterId,
          nonce,
          version: 'x',
          brokers: '1=a:1, 2=b:1, 3=c:1',
          ...change,
        },
        simBytes,
      ),
    );
  }

  /** The proof that a dialler with this secret would give, and what is found out about it then. */
  prove(known: Uint8Array | null, meeting: Meeting | null = { kind: 'known' }): void {
    const challenge = wire.decodeChallenge(this.answers.at(-1)?.body as Uint8Array) as wire.Challenge;
    const dialler = { broker: 1, life: life(4), nonce: new Uint8Array(wire.nonceBytes).fill(1) };
    const input = { role: 'dialler', lane: 'consensus', clusterId, dialler, accepter: challenge } as const;
    this.send(wire.encodeProof(wire.makeProof(known, input, simBytes)));
    if (meeting !== null) for (const tell of this.meetings.splice(0)) tell(meeting);
  }

  get refusal(): wire.Refusal | null {
    const last = this.answers.at(-1);
    return last?.kind === wire.handshakeKinds.refusal ? wire.decodeRefusal(last.body, simBytes) : null;
  }
}

const request = (): wire.Draft => wire.encodeRequest(2, { type: 'status', correlation: 1, topics: new Uint8Array(0) });

describe('whoever dials a broker', () => {
  test('with the secret is welcome, and heard', () => {
    const acceptor = new Acceptor();

    acceptor.hello();
    acceptor.prove(secret);
    acceptor.send(request());

    expect(acceptor.answers.map(({ kind }) => kind)).toEqual([wire.handshakeKinds.challenge, wire.handshakeKinds.welcome]);
    expect(acceptor.frames).toEqual([{ kind: wire.requestKinds.status, isInOrder: true }]);
  });

  test.each([
    ['another secret', simBytes.utf8Encode('a guess')],
    ['none', null],
  ])('with %s is refused, and nothing of it is heard', (_, known) => {
    const acceptor = new Acceptor();

    acceptor.hello();
    acceptor.prove(known);
    acceptor.send(request());

    expect(acceptor.refusal).toMatchObject({ reason: expect.stringContaining('token'), isOfLife: false });
    expect(acceptor.frames).toEqual([]);
    expect(acceptor.closed).not.toBe(null);
  });

  test.each([
    ['of another cluster', { clusterId: 'f'.repeat(32) }, 'cluster'],
    ['who wants another broker', { wanted: 3 }, 'this is broker 2'],
    ['who is not configured', { broker: 9 }, 'not configured'],
    ['who says it is this one', { broker: 2 }, 'not configured'],
  ])('%s is refused', (_, change, words) => {
    const acceptor = new Acceptor();

    acceptor.hello(change);

    expect(acceptor.refusal?.reason).toContain(words);
  });

  test('is not heard before its life is written down, and not welcome before', () => {
    const acceptor = new Acceptor();
    acceptor.hello();
    acceptor.prove(secret, null);
    acceptor.send(request());
    expect(acceptor.answers.map(({ kind }) => kind)).toEqual([wire.handshakeKinds.challenge]);

    for (const tell of acceptor.meetings) tell({ kind: 'known' });
    acceptor.send(request());

    expect(acceptor.answers.at(-1)?.kind).toBe(wire.handshakeKinds.welcome);
    expect(acceptor.frames).toHaveLength(1);
  });

  test.each<[string, Meeting, boolean]>([
    ['in a life that cannot follow the one that was here', { kind: 'refused', reason: 'it was here with another disk' }, true],
    ['whose life cannot be written down', { kind: 'notStored', reason: 'there is no space' }, false],
  ])('%s is told so once it has proven itself, and not heard', (_, meeting, isOfLife) => {
    const acceptor = new Acceptor();

    acceptor.hello();
    expect(acceptor.meetings).toHaveLength(0);
    acceptor.prove(secret, meeting);
    acceptor.send(request());

    expect(acceptor.refusal).toEqual({ reason: expect.any(String), isOfLife });
    expect(acceptor.frames).toEqual([]);
    expect(acceptor.closed).not.toBe(null);
  });

  test('without saying hello is cut off', () => {
    const acceptor = new Acceptor();

    acceptor.send(request());

    expect(acceptor.closed).toContain('proven');
    expect(acceptor.frames).toEqual([]);
  });

  test('and repeats or delays a frame shows it by its sequence', () => {
    const acceptor = new Acceptor();
    acceptor.hello();
    acceptor.prove(secret);

    for (const sequence of [10, 12, 11, 12, 13]) acceptor.send(request(), sequence);

    expect(acceptor.frames.map(({ isInOrder }) => isInOrder)).toEqual([true, true, false, false, true]);
  });
});

describe('what was done by hand to the links of whoever is dialled', () => {
  const kindsOf = ({ answers }: Acceptor): number[] => answers.map(({ kind }) => kind);
  const { challenge, welcome, pong } = wire.handshakeKinds;

  test('delays answers to pings and no handshake; of those that flood it only so many wait', () => {
    const acceptor = new Acceptor();
    acceptor.faults.take({ action: 'delay', ms: 3000, link: null });
    acceptor.hello();
    acceptor.prove(secret);
    expect(kindsOf(acceptor)).toEqual([challenge, welcome]);

    for (let i = 0; i < 2000; i++) acceptor.send(wire.encodePing());
    expect(kindsOf(acceptor)).toEqual([challenge, welcome]);
    acceptor.faults.take({ action: 'heal' });
    acceptor.links.faultsChanged();

    const pongs = kindsOf(acceptor).slice(2);
    expect(new Set(pongs)).toEqual(new Set([pong]));
    expect(pongs.length).toBeGreaterThan(50);
    expect(pongs.length).toBeLessThan(1000);
    // In order, so that none is taken for one that came late.
    expect(acceptor.answers.map(({ sequence }) => sequence)).toEqual(
      acceptor.answers.map(({ sequence }) => sequence).toSorted((a, b) => a - b),
    );
  });

  test('ends, with a partition, the link of whoever is on the other side, and of nobody else', () => {
    const acceptor = new Acceptor();
    acceptor.hello();
    acceptor.prove(secret);

    acceptor.faults.take({ action: 'partition', groups: [[1, 2], [3]] });
    acceptor.links.faultsChanged();
    expect(acceptor.closed).toBe(null);
    acceptor.faults.take({ action: 'partition', groups: [[2, 3], [1]] });
    acceptor.links.faultsChanged();
    expect(acceptor.closed).toContain('partition by hand');
  });
});

describe('a forwarded append that comes twice', () => {
  test('is dropped the second time: its sender may have given it up', () => {
    const rig = new Rig();
    const leader = rig.awaitLeader();
    const other = rig.follower();
    rig.appended(other, ['warm']);
    rig.cluster.world.network.conditions.duplicationRate = 1;

    for (let i = 0; i < 20; i++) rig.appended(other, [`${i}`]);
    rig.run(500);

    expect(rig.broker(leader).peek().counters.duplicateAppends).toBe(0);
    expect(rig.values(other)).toHaveLength(21);
    expect(rig.violations).toEqual([]);
  });
});

test('brokers work together over a network that loses, repeats and reorders', () => {
  const rig = new Rig({ seed: 3 });
  rig.awaitLeader();
  Object.assign(rig.cluster.world.network.conditions, { lossRate: 0.1, duplicationRate: 0.1, reorderingRate: 0.2 });

  for (let i = 0; i < 40; i++) rig.appended(1 + (i % 3), [`${i}`]);
  Object.assign(rig.cluster.world.network.conditions, { lossRate: 0, duplicationRate: 0, reorderingRate: 0 });

  expect(rig.values(1)).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`));
  expect(rig.violations).toEqual([]);
});

describe('a peer that forwards nonsense', () => {
  test('is told so, and nothing of it enters the log', () => {
    const damaged = new Set<number>();
    const rig = new Rig({
      change: (options) => ({
        ...options,
        host: { ...options.host, network: damagingAppends(options.host.network, () => damaged.has(options.self.id)) },
      }),
    });
    rig.awaitLeader();
    const other = rig.follower();
    rig.appended(other, ['good']);

    damaged.add(other);
    const error = rig.refused(other, ['bad'], { timeoutMs: 1000 });
    damaged.clear();

    expect(error).toMatchObject({ code: 'corruptBatch', definite: true });
    expect(rig.values(other)).toEqual(['good']);
    expect(rig.appended(other, ['fine']).committed).toBe(true);
    expect(rig.violations).toEqual([]);
  });
});

describe('a link that leads nowhere although it stands', () => {
  test.each(['one way', 'both ways'])('is replaced by a new connection, so that a follower is not left behind: %s', (ways) => {
    const forgotten = new Set<Link>();
    const dialled: { readonly from: number; readonly to: number; readonly link: Link }[] = [];
    const rig = new Rig({
      change: (options) => {
        const network = forgettingNetwork(
          options.host.network,
          forgotten,
          (to, link) => void dialled.push({ from: options.self.id, to, link }),
        );
        return { ...options, host: { ...options.host, network } };
      },
    });
    const leader = rig.awaitLeader();
    const follower = rig.follower();
    rig.appended(leader, ['before']);
    rig.awaitLeader('cairn.events');
    const elections = (): number => rig.broker(leader).peek().counters.elections;
    const before = elections();

    // A router forgot the connections, as if power had failed behind it: neither end is told.
    for (const { from, to, link } of dialled) {
      if (from === leader && to === follower) forgotten.add(link);
      if (from === follower && to === leader && ways === 'both ways') forgotten.add(link);
    }
    rig.appended(leader, ['after']);
    rig.run(20_000);

    expect(elections()).toBe(before);
    expect(rig.values(follower)).toEqual(['before', 'after']);
    expect(rig.violations).toEqual([]);
  });
});

/** Swallows what is sent on the links in `forgotten`. */
function forgettingNetwork(
  network: Host['network'],
  forgotten: ReadonlySet<Link>,
  onDial: (to: number, link: Link) => void,
): Host['network'] {
  return {
    accept: (onLink) => network.accept(onLink),
    dial: (peer, lane, handlers) => {
      const inner = network.dial(peer, lane, handlers);
      const link: Link = {
        send: (chunks) => void (forgotten.has(link) || inner.send(chunks)),
        bytesQueued: 0,
        close: (reason) => inner.close(reason),
      };
      onDial(peer, link);
      return link;
    },
  };
}

/** Turns a bit of each forwarded batch while `isOn`, under a frame checksum that is right. */
function damagingAppends(network: Host['network'], isOn: () => boolean): Host['network'] {
  return {
    accept: (onLink) => network.accept(onLink),
    dial: (peer, lane, handlers) => {
      const link = network.dial(peer, lane, handlers);
      const send = (chunks: readonly Uint8Array[]): void => {
        const bytes = concatBytes(chunks).slice();
        for (let at = 0; at < bytes.length; at += viewOf(bytes).getUint32(at) + 4) {
          if (!isOn() || bytes[at + 13] !== wire.requestKinds.append) continue;
          const frame = bytes.subarray(at, at + viewOf(bytes).getUint32(at) + 4);
          frame[frame.length - 1] = (frame[frame.length - 1] as number) ^ 1;
          viewOf(frame).setUint32(8, simBytes.crc32c(frame.subarray(12)));
        }
        link.send([bytes]);
      };
      return { send, bytesQueued: 0, close: (reason) => link.close(reason) };
    },
  };
}

test('a broker that lacks more than may wait for it is brought on all the same', () => {
  const rig = new Rig({ settings: { linkBytesMax: 64 * 1024 } });
  const follower = rig.follower();
  rig.kill(follower);
  const values = Array.from({ length: 12 }, (_, index) => `${index}`.padEnd(40_000, '.'));
  for (const value of [...values, 'x'.repeat(100_000)]) rig.appended(rig.awaitLeader(), [value]);

  rig.start(follower);

  const endOf = (id: number): number =>
    rig
      .broker(id)
      .peek()
      .partitions.find(({ topic }) => topic === 'log')?.endOffset ?? 0;
  rig.until('it has them all', () => endOf(follower) === endOf(rig.awaitLeader()));
  expect(rig.values(follower)).toHaveLength(13);
});
