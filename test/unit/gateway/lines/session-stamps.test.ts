import { expect, test } from 'vitest';
import type { AgentCauses, AgentLink } from '../../../../src/clocks/agent-causes.ts';
import { boundClock, HybridClock, type LineStamp, parseStamp, type Stamp, writeLineStamp } from '../../../../src/clocks/index.ts';
import { SessionStamps } from '../../../../src/gateway/lines/session-stamps.ts';

/** A gateway's end at 5,000 ms and more, with everything that it noted. */
class Noted implements AgentCauses {
  nowMs = 5000;
  readonly hybrid = new HybridClock({ wallMs: () => this.nowMs });
  readonly events: unknown[] = [];

  meet(process: string): number {
    this.events.push(['meet', process]);
    return 7;
  }

  received({ agent, connection }: AgentLink, sequence: number, { lines }: LineStamp, answers: number): boolean {
    this.events.push(['received', agent, connection, sequence, lines, answers]);
    return true;
  }

  sent(_link: AgentLink, sequence: number, answer: string, stored: number): Stamp {
    this.events.push(['sent', sequence, answer, stored]);
    return this.hybrid.next();
  }
}

const connection = 0x5be0c1_000003;
const take = (stamps: SessionStamps, line: Uint8Array): ReturnType<SessionStamps['take']> => stamps.take(line, 0, line.length - 1);
const line = (text: string): Uint8Array => new Uint8Array(Buffer.from(`${text}\n`));

test('stamps stand between the lines that they count, whatever lines hold', () => {
  const noted = new Noted();
  const stamps = new SessionStamps(noted, 'näme 1', connection, () => noted.nowMs);

  const found = [
    take(stamps, writeLineStamp({ ms: 1, counter: 0 }, 2, 1)),
    take(stamps, line('an event')),
    // One that looks like a stamp is an event where an event belongs.
    take(stamps, writeLineStamp({ ms: 2, counter: 0 }, 9, 2)),
    take(stamps, writeLineStamp({ ms: 3, counter: 0 }, 1, 3)),
    take(stamps, line('')),
    take(stamps, line('no stamp')),
  ];

  expect(found).toEqual(['stamp', 'event', 'event', 'stamp', 'event', null]);
  expect(noted.events).toEqual([
    ['meet', 'agent-n_me_1-5be0c1'],
    ['received', 7, connection, 1, 2, 0],
    ['received', 7, connection, 2, 1, 0],
  ]);
});

test('each wait is answered once, in order, and bounds the offset of the clock', () => {
  const noted = new Noted();
  const stamps = new SessionStamps(noted, 'n', connection, () => noted.nowMs);
  const aheadMs = 700;
  const answer = (wayMs: number): void => {
    noted.nowMs += wayMs;
    // Its hybrid clock stands ahead of its wall clock.
    const wallMs = noted.nowMs + aheadMs;
    const stamp = writeLineStamp({ ms: wallMs + 90, counter: 4 }, 0, wallMs);
    noted.nowMs += 2;
    expect(take(stamps, stamp)).toBe('stamp');
  };

  const first = stamps.next('wait', 0);
  stamps.next('ok', 12);
  answer(40);
  stamps.next('wait', 0);
  answer(3);

  expect(parseStamp(first)).toEqual({ ms: 5000, counter: 0 });
  expect(noted.events.filter((event) => (event as unknown[])[0] === 'received')).toEqual([
    ['received', 7, connection, 1, 0, 1],
    ['received', 7, connection, 2, 0, 3],
  ]);
  const bounds = boundClock(stamps.samples);
  expect(bounds?.low).toBeLessThanOrEqual(aheadMs);
  expect(bounds?.high).toBeGreaterThanOrEqual(aheadMs);
  expect((bounds?.high ?? 0) - (bounds?.low ?? 0)).toBeLessThanOrEqual(7);
  // An answer to nothing is not of the protocol.
  expect(take(stamps, writeLineStamp({ ms: 1, counter: 0 }, 0, 1))).toBeNull();
});

test('an agent that does not answer is not asked for ever, and what it told is not kept for ever', () => {
  const noted = new Noted();
  const stamps = new SessionStamps(noted, 'n', connection, () => noted.nowMs);
  let asked = 0;
  for (; stamps.mayAsk && asked < 1000; asked++) stamps.next('wait', 0);
  expect(asked).toBe(16);

  for (let i = 0; i < 100; i++) {
    take(stamps, writeLineStamp({ ms: noted.nowMs, counter: 0 }, 0, noted.nowMs));
    stamps.next('wait', 0);
  }
  expect(stamps.samples.length).toBe(16);
});
