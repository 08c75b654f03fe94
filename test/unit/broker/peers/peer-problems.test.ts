import { describe, expect, test } from 'vitest';
import { brokerId } from '../../../../src/base/branded.ts';
import type { BrokerOptions } from '../../../../src/broker/index.ts';
import { Counters } from '../../../../src/broker/counters.ts';
import { PeerProblems } from '../../../../src/broker/peers/peer-problems.ts';
import type { Network } from '../../../../src/host/index.ts';
import { simBytes } from '../../../../src/sim/bytes.ts';
import { Rig } from '../rig.ts';

/** Three brokers, the third of them configured in another way, for ten seconds. */
function misconfigured(change: (options: BrokerOptions) => Partial<BrokerOptions>): Rig {
  const rig = new Rig({
    change: (options) => ({ ...options, clusterId: '0'.repeat(32), ...(options.self.id === 3 ? change(options) : {}) }),
  });
  rig.run(10_000);
  return rig;
}

/** What a broker says of another, in its status and in its log. */
function said(rig: Rig, of: number, by: number): { readonly problem: string | null | undefined; readonly lines: string[] } {
  const problem = rig
    .broker(by)
    .peek()
    .peers.find(({ id }) => id === of)?.problem;
  const events = ['peerRefused', 'refusedByPeer', 'peerListDiffers', 'peerUnreachable'];
  const lines = rig.lines.filter(({ machine, event, fields }) => machine === by && events.includes(event) && fields?.['peer'] === of);
  return { problem, lines: lines.map(({ event, fields }) => `${event}: ${String(fields?.['reason'])}`) };
}

const expired = 'its certificate has expired';

/** Broker 1 does not accept the certificate of broker 3, and tells it; later somebody says the same in the name of broker 2. */
function distrusting(): (options: BrokerOptions) => BrokerOptions {
  let tell: (by: number, reason: string) => void = () => undefined;
  return (options) => {
    const { network: inner, clock } = options.host;
    const startMs = clock.monotonicMs();
    const network: Network = {
      accept: (onLink, onDistrusted = tell) => {
        if (options.self.id === 3) tell = onDistrusted;
        inner.accept(onLink, onDistrusted);
      },
      dial: (peer, lane, handlers) => {
        if (options.self.id !== 1 || peer !== 3) return inner.dial(peer, lane, handlers);
        clock.startTimer(1, () => {
          handlers.closed(expired, true);
          tell(1, expired);
          if (clock.monotonicMs() > startMs + 5000) tell(2, expired);
        });
        return { send: () => undefined, bytesQueued: 0, close: () => undefined };
      },
    };
    return { ...options, host: { ...options.host, network } };
  };
}

describe('a broker that is configured in another way', () => {
  test('with another token is told of on both sides, once', () => {
    const secret = simBytes.utf8Encode('another token');
    const rig = misconfigured(() => ({ secret }));

    for (const [by, of] of [
      [1, 3],
      [3, 1],
    ] as const) {
      const { problem, lines } = said(rig, of, by);
      expect(problem).toContain('its token is not that of broker');
      expect(lines.filter((line) => line.includes('token'))).toHaveLength(1);
      expect(rig.broker(by).peek().counters.refusedLinks).toBeGreaterThan(5);
    }
    expect(JSON.stringify(rig.lines)).not.toContain('another token');
    expect(said(rig, 2, 1)).toEqual({ problem: null, lines: [] });
    expect(
      rig
        .broker(1)
        .peek()
        .peers.map(({ connected }) => connected),
    ).toEqual([true, false]);
  });

  test('with other brokers in its list is refused with both lists', () => {
    const rig = misconfigured(({ brokers }) => ({ brokers: [...brokers, { id: brokerId(4), host: 'elsewhere', port: 1 }] }));

    const { problem, lines } = said(rig, 3, 1);
    expect(problem).toMatch(/lists of brokers differ: broker \d has "1=.*", broker \d has "1=.*"$/);
    expect(problem).toContain('4=elsewhere:1"');
    // It was refused, and it refused.
    expect(lines.filter((line) => line.includes('lists'))).toHaveLength(2);
    expect(said(rig, 1, 3).problem).toContain('lists of brokers differ');
    expect(
      rig
        .broker(1)
        .peek()
        .peers.map(({ connected }) => connected),
    ).toEqual([true, false]);
  });

  test('with another address in its list is linked, and told of', () => {
    const rig = misconfigured(({ brokers }) => ({ brokers: brokers.map((one) => (one.id === 1 ? { ...one, host: 'elsewhere' } : one)) }));

    expect(said(rig, 3, 1).problem).toContain('lists of brokers differ: broker 3 has "1=elsewhere:');
    expect(said(rig, 1, 3).problem).toContain('lists of brokers differ: broker 1 has');
    expect(said(rig, 3, 1).lines.filter((line) => line.includes('lists'))).toHaveLength(1);
    expect(
      rig
        .broker(1)
        .peek()
        .peers.map(({ connected }) => connected),
    ).toEqual([true, true]);
  });

  test('with a certificate that others do not accept is told of on both sides, once, and not to others', () => {
    const rig = new Rig({ change: distrusting() });
    rig.run(10_000);

    expect(said(rig, 3, 1)).toEqual({
      problem: 'it refuses broker 3: its certificate has expired',
      lines: ['peerRefused: its certificate has expired'],
    });
    expect(said(rig, 1, 3)).toEqual({
      problem: 'broker 1 refuses it: its certificate has expired',
      lines: ['refusedByPeer: its certificate has expired'],
    });
    // Broker 2 accepts it; what somebody claims in its name means nothing while it is linked.
    expect(said(rig, 2, 3)).toEqual({ problem: null, lines: [] });
    for (const id of [1, 3]) expect(rig.broker(id).peek().counters.refusedLinks).toBeGreaterThan(5);
    // It dials broker 1 itself, which says nothing about the other way.
    expect(
      rig
        .broker(3)
        .peek()
        .peers.map(({ connected }) => connected),
    ).toEqual([true, true]);
  });

  test('is not told of any more once it is as the others', () => {
    const rig = misconfigured(() => ({}));
    rig.kill(3);
    rig.run(3000);
    expect(said(rig, 3, 1).problem).toContain('connection');
    rig.start(3);
    rig.run(3000);
    expect(said(rig, 3, 1).problem).toBe(null);
  });
});

test('whoever makes up reasons writes one line a second', () => {
  const lines: string[] = [];
  let nowMs = 0;
  const logger = { log: (_level: string, event: string) => void lines.push(event) };
  const problems = new PeerProblems(logger, new Counters(), [brokerId(2)], () => nowMs);

  for (let i = 0; i < 100; i++, nowMs += 100) problems.note(i + 3, 'refused', `reason ${i}`);

  expect(lines).toHaveLength(10);
});
