import { describe, expect, test } from 'vitest';
import type { BrokerOptions } from '../../../src/broker/index.ts';
import type { Network } from '../../../src/host/index.ts';
import { Rig } from './rig.ts';

const KiB = 1024;
/** A megabit a second. */
const slowly = 125_000;
const partBytes = 16 * KiB;

/** Every connection to and from broker 3 takes so many bytes a second, once it is told to. */
class SlowLine {
  bytesPerSecond = Number.POSITIVE_INFINITY;
  /** Bytes that have left for this broker. */
  readonly bytesTo = new Map<number, number>();

  readonly slow = (options: BrokerOptions): BrokerOptions => {
    const { network, clock } = options.host;
    const dial: Network['dial'] = (peer, lane, handlers) => {
      const link = network.dial(peer, lane, handlers);
      if (peer !== 3 && options.self.id !== 3) return link;
      let waiting: Uint8Array[] = [];
      let bytesQueued = 0;
      let isBusy = false;
      const pass = (): void => {
        const part = waiting.shift();
        isBusy = part !== undefined;
        if (part === undefined) return;
        clock.startTimer((part.length / this.bytesPerSecond) * 1000, () => {
          bytesQueued = Math.max(0, bytesQueued - part.length);
          this.#count(peer, part.length);
          link.send([part]);
          pass();
        });
      };
      return {
        send: (chunks) => {
          for (const chunk of chunks) {
            for (let at = 0; at < chunk.length; at += partBytes) waiting.push(chunk.slice(at, at + partBytes));
            bytesQueued += chunk.length;
          }
          if (!isBusy) pass();
        },
        get bytesQueued() {
          return bytesQueued;
        },
        close: (reason) => {
          waiting = [];
          bytesQueued = 0;
          link.close(reason);
        },
      };
    };
    return { ...options, host: { ...options.host, network: { dial, accept: network.accept } } };
  };

  #count(peer: number, bytes: number): void {
    this.bytesTo.set(peer, (this.bytesTo.get(peer) ?? 0) + bytes);
  }
}

/** Broker 1 leads and 3 was away while so many batches were appended. Then 3 comes back on a slow line. */
function behind(count: number, batchBytes: number): { readonly rig: Rig; readonly line: SlowLine; readonly isBack: () => boolean } {
  const line = new SlowLine();
  const rig = new Rig({ logOnly: true, change: line.slow });
  rig.makeLeader(1);
  rig.kill(3);
  for (let i = 0; i < count; i++) rig.appended(1, ['x'.repeat(batchBytes / 2), 'y'.repeat(batchBytes / 2)]);
  const end = rig.broker(1).peek().partitions[0]?.endOffset ?? 0;
  line.bytesPerSecond = slowly;
  line.bytesTo.clear();
  rig.start(3);
  return { rig, line, isBack: () => (rig.broker(3).peek().partitions[0]?.syncedOffset ?? 0) >= end };
}

describe('on a line of a megabit a second', () => {
  test('a broker that was away is sent what it lacks once', () => {
    const { rig, line, isBack } = behind(32, 32 * KiB);
    const { term } = rig.broker(1).peek().partitions[0] ?? {};

    rig.until('it has caught up', isBack, 60_000);

    expect((line.bytesTo.get(3) ?? 0) / (32 * 32 * KiB)).toBeLessThan(1.03);
    // Nobody's heartbeat has waited behind it.
    expect(rig.broker(1).peek().partitions[0]?.term).toBe(term);
  });

  test('and little of it twice when its connections break', () => {
    const { rig, line, isBack } = behind(96, 32 * KiB);
    let breaks = 0;
    while (!isBack() && breaks < 10) {
      rig.run(10_000);
      if (!isBack()) breaks += rig.cluster.world.network.breakLinks(1, 3) > 0 ? 1 : 0;
    }

    expect(breaks).toBeGreaterThan(1);
    expect((line.bytesTo.get(3) ?? 0) / (96 * 32 * KiB)).toBeLessThan(1.1);
  });

  test('a batch that takes longer than a silent link is borne with arrives on the connection that it was sent on', () => {
    const { rig, line, isBack } = behind(1, 1792 * KiB);

    rig.until('it has caught up', isBack, 60_000);

    expect((line.bytesTo.get(3) ?? 0) / (1792 * KiB)).toBeLessThan(1.05);
    expect(rig.lines.filter(({ event, fields }) => event === 'linkLost' && fields?.['lane'] === 'bulk')).toEqual([]);
  });

  test('an append is forwarded once, however long it is on its way', () => {
    const line = new SlowLine();
    const rig = new Rig({ logOnly: true, change: line.slow });
    rig.makeLeader(1);
    // Its leader has a segment for the next as large as this, so that it does not refuse that at first.
    rig.appended(1, ['x'.repeat(512 * KiB), 'y'.repeat(512 * KiB)]);
    rig.run(100);
    line.bytesPerSecond = slowly;
    line.bytesTo.clear();

    const call = rig.beginAppend(3, ['x'.repeat(512 * KiB), 'y'.repeat(512 * KiB)], { timeoutMs: 60_000 });
    rig.until('it is answered', () => call.outcome !== null, 60_000);

    expect(call.outcome).toMatchObject({ ok: true });
    expect((line.bytesTo.get(1) ?? 0) / (1024 * KiB)).toBeLessThan(1.05);
  });
});
