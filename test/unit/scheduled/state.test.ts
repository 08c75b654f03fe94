import { describe, expect, test } from 'vitest';
import { encodeCommand, type ScheduledCommand } from '../../../src/scheduled/commands.ts';
import { ScheduledState } from '../../../src/scheduled/state.ts';
import { simBytes } from '../../../src/sim/bytes.ts';

const schedule = (deliverAtMs: number, more: Partial<ScheduledCommand & { type: 'schedule' }> = {}): ScheduledCommand => ({
  type: 'schedule',
  deliverAtMs,
  topic: 'orders',
  topicId: 7,
  partition: 0,
  recordCount: 1,
  spanMs: 0,
  records: Uint8Array.of(1, 2, 3),
  ...more,
});

function stateOf(...commands: readonly ScheduledCommand[]): ScheduledState {
  const state = new ScheduledState(simBytes);
  for (const [at, command] of commands.entries()) state.apply(encodeCommand(command, simBytes), at);
  return state;
}

const apply = (state: ScheduledState, at: number, command: ScheduledCommand) => state.apply(encodeCommand(command, simBytes), at);

describe('what waits in a group', () => {
  test('is cancelled before it is claimed, and not after', () => {
    const state = stateOf(schedule(1000), schedule(2000));

    expect(apply(state, 2, { type: 'cancel', place: 0 })).toBe('done');
    expect(apply(state, 3, { type: 'step', claim: [0, 1], done: [], drop: [] })).toBe('done');
    expect(apply(state, 4, { type: 'cancel', place: 1 })).toBe('claimed');

    expect(state.waiting.get(0)).toBeUndefined();
    expect(state.waiting.get(1)).toMatchObject({ isClaimed: true });
    expect(state.counts).toEqual({ delivered: 0, cancelled: 1, dropped: 0 });
  });

  test('says of a cancellation that is tried again that it was done, and of what is unknown that it is', () => {
    const state = stateOf(schedule(1000));
    apply(state, 1, { type: 'cancel', place: 0 });

    expect(apply(state, 2, { type: 'cancel', place: 0 })).toBe('done');
    expect(apply(state, 3, { type: 'cancel', place: 9 })).toBe('unknown');
    expect(state.counts.cancelled).toBe(1);
  });

  test('is taken out once, whoever says so again', () => {
    const state = stateOf(schedule(1000), schedule(1000));
    const step: ScheduledCommand = { type: 'step', claim: [], done: [0], drop: [1] };
    apply(state, 2, step);
    apply(state, 3, step);

    expect(state.counts).toEqual({ delivered: 1, cancelled: 0, dropped: 1 });
    expect(state.waiting.size).toBe(0);
    expect(state.waiting.bytes).toBe(0);
  });

  test('keeps its name where it is carried on, and what is below may go', () => {
    const state = stateOf(schedule(1000), schedule(2000));
    expect(state.waiting.leastAt).toBe(0);
    const carried: ScheduledCommand = { type: 'carry', place: 0, timestampMs: -1, schedule: encodeCommand(schedule(1000), simBytes) };

    expect(apply(state, 5, carried)).toBe('done');

    expect(state.waiting.get(0)).toMatchObject({ place: 0, at: 5, deliverAtMs: 1000 });
    expect(state.waiting.leastAt).toBe(1);
  });

  test('is the same after a snapshot, for many partitions and with gaps', () => {
    const state = new ScheduledState(simBytes);
    for (let at = 0; at < 5000; at++)
      apply(state, at, schedule(10_000 - at, { topic: `t${at % 7}`, topicId: (at % 7) - 1, partition: at % 3 }));
    const gone = Array.from({ length: 5000 }, (_, place) => place).filter((place) => place % 5 !== 0);
    apply(state, 5000, { type: 'step', claim: [0, 5, 10], done: gone, drop: [] });
    apply(state, 5001, { type: 'cancel', place: 15 });

    const other = new ScheduledState(simBytes);
    expect(other.restore(state.snapshot())).toBe(true);

    expect(other.snapshot()).toEqual(state.snapshot());
    expect(other.waiting.size).toBe(999);
    expect(other.waiting.get(4995)).toMatchObject({ deliverAtMs: 5005, target: { topic: 't4', topicId: 3, partition: 0 } });
    expect(other.waiting.get(10)).toMatchObject({ isClaimed: true });
    // What is applied from then on is too.
    for (const one of [state, other]) apply(one, 5002, schedule(1, { topic: 'new' }));
    expect(other.snapshot()).toEqual(state.snapshot());
  });

  test('changes nothing by what it does not understand', () => {
    const state = stateOf(schedule(1000));
    const before = state.snapshot();

    for (const value of [null, new Uint8Array(), Uint8Array.of(9), Uint8Array.of(1, 0), Uint8Array.of(3, 0, 0, 0, 9)])
      expect(state.apply(value, 1)).toBe('invalid');
    expect(state.restore(Uint8Array.of(1, 2, 3))).toBe(false);

    expect(state.snapshot()).toEqual(before);
  });
});
