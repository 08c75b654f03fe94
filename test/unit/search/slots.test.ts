import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AnswerSink } from '../../../src/search/answer.ts';
import { OneATurn } from '../../../src/search/one-a-turn.ts';
import { sinkOf, Slots } from '../../../src/search/slots.ts';

const never = new AbortController().signal;
const silent = { note: (): void => undefined };

/** Takes a slot for each name; `begun` has those whose turn has come. */
async function asked(slots: Slots, names: readonly string[], signal = never) {
  const begun: string[] = [];
  const all = names.map(async (name) => {
    const slot = await slots.take(signal, silent);
    begun.push(name);
    return slot;
  });
  for (const each of all) each.catch(() => undefined);
  await turnOfTheLoop();
  return { begun, all };
}

describe('searches at once', () => {
  test('are so many, and the others begin one by one in the order in which they came', async () => {
    const { begun, all } = await asked(new Slots(2), ['a', 'b', 'c', 'd', 'e']);
    expect(begun).toEqual(['a', 'b']);

    const [a, b] = await Promise.all(all.slice(0, 2));
    a?.release();
    a?.release();
    await turnOfTheLoop();
    expect(begun).toEqual(['a', 'b', 'c']);

    b?.release();
    (await all[2])?.release();
    await turnOfTheLoop();
    expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('do not count who has gone away while he waited', async () => {
    const slots = new Slots(1);
    const { all } = await asked(slots, ['a']);
    const gone = new AbortController();
    const waiting = await asked(slots, ['b'], gone.signal);
    const next = await asked(slots, ['c']);

    gone.abort(new Error('gone'));
    await expect(waiting.all[0]).rejects.toThrow('gone');
    (await all[0])?.release();
    await turnOfTheLoop();

    expect(next.begun).toEqual(['c']);
  });

  describe('by the clock', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
    afterEach(() => void vi.useRealTimers());

    test('who waits long is told', async () => {
      const slots = new Slots(1);
      await slots.take(never, silent);
      const notes: string[] = [];
      void slots.take(never, { note: (text) => void notes.push(text) });

      vi.advanceTimersByTime(1_999);
      expect(notes).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(notes).toEqual(['it waits for 1 other searches on this machine']);
    });

    test('who waits for a reader who does not read lets another one begin', async () => {
      const slots = new Slots(1);
      const slot = await slots.take(never, silent);
      const { begun } = await asked(slots, ['b']);
      let read = (): void => undefined;
      const sink = sinkOf(slot, { bytes: () => new Promise<void>((resolve) => (read = resolve)) } as unknown as AnswerSink);

      const quick = sink.bytes(Buffer.alloc(1));
      read();
      await quick;
      vi.advanceTimersByTime(1_000);
      await turnOfTheLoop();
      expect(begun).toEqual([]);

      void sink.bytes(Buffer.alloc(1));
      vi.advanceTimersByTime(1_000);
      await turnOfTheLoop();
      expect(begun).toEqual(['b']);
    });
  });
});

test('what many ask for at once is done once in each turn of the loop', async () => {
  const begins = new OneATurn();
  let inThisTurn = 0;
  let mostInATurn = 0;
  let done = 0;
  const counting = (): void => {
    inThisTurn = 0;
    if (done < 5) setImmediate(counting);
  };
  setImmediate(counting);
  await Promise.all(
    Array.from({ length: 5 }, async () => {
      await begins.turn();
      done++;
      mostInATurn = Math.max(mostInATurn, ++inThisTurn);
    }),
  );

  expect({ done, mostInATurn }).toEqual({ done: 5, mostInATurn: 1 });
});
