import { expect, test } from 'vitest';
import { orderWithAgents, skewOf, type TraceEvent, type TraceFields } from '../../../src/clocks/index.ts';

const agent = 'agent-n-5be0c1';
const connection = '5be0c1000001';

class BrokerNotes {
  readonly events: TraceEvent[] = [];

  note(kind: 'send' | 'receive', sequence: number, atMs: number, fields: TraceFields, other = agent, on = connection): this {
    const link = kind === 'send' ? { to: other, connection: on, sequence } : { from: other, connection: on, sequence };
    this.events.push({ process: 'broker-1', seq: this.events.length + 1, kind, atMs, trueMs: null, stamp: null, link, fields });
    return this;
  }
}

const sentAt = (ms: number): TraceFields => ({ sentMs: ms, sentStampMs: ms + 20, sentStampCounter: 1 });

type Ordered = Extract<ReturnType<typeof orderWithAgents>, { readonly ok: true }>['value'];

function ordered(events: readonly TraceEvent[]): Ordered {
  const result = orderWithAgents(events);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

/** What an agent that is 300 ms ahead did at one broker: it answered a wait, sent lines, and was told that they are stored. */
const usual = (): BrokerNotes =>
  new BrokerNotes()
    .note('send', 1, 1000, { message: 'wait' })
    .note('receive', 1, 1004, { message: 'here', answers: 1, ...sentAt(1302) })
    .note('receive', 2, 1010, { message: 'lines', lines: 3, ...sentAt(1308) })
    .note('send', 2, 1020, { message: 'ok', stored: 3 });

test('an agent that brokers heard is a process: its messages are paired, and what it heard as far as it is known', () => {
  const { trace, note } = ordered(usual().events);

  expect(note).toBeNull();
  expect(trace.processes).toEqual(['broker-1', agent]);
  const own = trace.events.filter(({ process }) => process === agent);
  expect(own.map(({ kind, atMs, stamp, link, fields }) => [kind, atMs, stamp?.ms, link?.sequence, fields])).toEqual([
    ['receive', 1302, 1322, 1, { message: 'wait', toldBy: 'broker-1' }],
    ['send', 1302, 1322, 1, { message: 'here', toldBy: 'broker-1' }],
    ['send', 1308, 1328, 2, { message: 'lines', lines: 3, toldBy: 'broker-1' }],
  ]);
  // The acknowledgement: whether it came nobody knows.
  expect([trace.unpairedSends, trace.unpairedReceives]).toEqual([1, 0]);
  const ahead = skewOf(trace).skews.find(({ process }) => process === agent);
  expect(Math.abs((ahead?.aheadMs ?? 0) - 300)).toBeLessThanOrEqual(ahead?.errorMs ?? 0);
});

test('what was exported with its agents is read as it is', () => {
  const { trace } = ordered(usual().events);

  expect(ordered(trace.events).trace.events).toEqual(trace.events);
});

test('of many agents those of which most was heard are processes, and the others stay unpaired', () => {
  const notes = usual();
  for (let other = 0; other < 40; other++)
    notes.note('receive', 1, 2000 + other, { message: 'lines', lines: 1, ...sentAt(2000) }, `agent-m${other}-aaaaaa`);

  const { trace, note } = ordered(notes.events);

  expect(trace.processes.length).toBe(25);
  expect(trace.processes).toContain(agent);
  expect(note).toBe('17 more agents were heard, and are no processes here');
  expect(trace.unpairedReceives).toBe(17);
});

test('an agent that contradicts itself hides nothing of what brokers did', () => {
  // Two connections by one name at once: the second has answered what the first was not asked yet.
  const notes = new BrokerNotes()
    .note('send', 1, 1000, { message: 'wait' })
    .note('receive', 1, 1001, { message: 'here', answers: 1, ...sentAt(1001) })
    .note('receive', 2, 1002, { message: 'lines', lines: 1, ...sentAt(1002) })
    .note('send', 2, 1003, { message: 'wait' })
    .note('receive', 1, 1004, { message: 'here', answers: 2, ...sentAt(1004) });

  const { trace, note } = ordered(notes.events);

  expect(note).toContain('what they sent contradicts itself');
  expect(trace.processes).toEqual(['broker-1']);
  expect(trace.events.length).toBe(5);
});
