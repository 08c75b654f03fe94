import { expect, test } from 'vitest';
import { spaceTimeOf } from '../../../src/cli/traces/diagram.ts';
import { correctedTimes, orderTrace, skewOf, takeStretch, type TraceEvent } from '../../../src/clocks/index.ts';

test('a broker is down from when it was told to act as crashed until it recovers, or starts again', () => {
  const event = (process: string, seq: number, kind: string, atMs: number, fields: TraceEvent['fields'] = {}): TraceEvent => ({
    process,
    seq,
    kind,
    atMs,
    trueMs: null,
    stamp: null,
    link: null,
    fields,
  });
  const ordered = orderTrace([
    event('broker-1', 1, 'started', 1000),
    event('broker-2', 1, 'fault', 1010, { fault: 'crashed' }),
    event('broker-3', 1, 'fault', 1015, { fault: 'crashed' }),
    event('broker-2', 2, 'fault', 1050, { fault: 'recovered' }),
    event('broker-3', 2, 'started', 1060),
    event('broker-1', 2, 'fault', 1070, { fault: 'crashed' }),
    event('broker-2', 3, 'commit', 1100, { highWatermark: 4 }),
  ]);
  if (!ordered.ok) throw new Error(ordered.error);
  const times = correctedTimes(ordered.value, skewOf(ordered.value));
  const stretch = takeStretch(ordered.value, times, { fromMs: 0, toMs: null, eventsMax: 100, topic: null, chatter: false });
  if (!stretch.ok) throw new Error(stretch.error);

  const { faults } = spaceTimeOf(ordered.value, times, stretch.value, { title: 't', times: 'x', notes: [], eventsMax: 100 });

  expect(faults).toEqual([
    { process: 'broker-2', label: 'crashed', isDown: true, from: 10, to: 50 },
    { process: 'broker-3', label: 'crashed', isDown: true, from: 15, to: 60 },
    { process: 'broker-1', label: 'crashed', isDown: true, from: 70, to: null },
  ]);
});
