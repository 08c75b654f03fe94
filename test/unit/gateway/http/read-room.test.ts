import { describe, expect, test } from 'vitest';
import { ReadRoom } from '../../../../src/gateway/http/read-room.ts';

const MiB = 1024 * 1024;

/** Of a client that takes everything at once, where none is named. */
const quick = { writableLength: 0, destroy: () => undefined };

/** Time that is moved by hand. */
class HandClock {
  nowMs = 0;
  readonly #timers: { readonly atMs: number; readonly fire: () => void }[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  startTimer(delayMs: number, fire: () => void): { cancel: () => void } {
    this.#timers.push({ atMs: this.nowMs + delayMs, fire });
    return { cancel: () => undefined };
  }

  move(byMs: number): void {
    const endMs = this.nowMs + byMs;
    for (;;) {
      const due = this.#timers.findIndex(({ atMs }) => atMs <= endMs);
      if (due < 0) break;
      const [timer] = this.#timers.splice(due, 1);
      this.nowMs = Math.max(this.nowMs, timer?.atMs ?? 0);
      timer?.fire();
    }
    this.nowMs = endMs;
  }
}

const roomOf = (bytesMax: number, clock = new HandClock()): ReadRoom => new ReadRoom(bytesMax, 1_000, clock);

/** Reads that begin in order, each with what ends it once it has room. */
async function begin(room: ReadRoom, ...sizes: readonly number[]): Promise<((() => void) | null)[]> {
  const begun: ((() => void) | null)[] = sizes.map(() => null);
  sizes.forEach((bytes, at) => void room.take(bytes, quick).then((giveBack) => (begun[at] = giveBack)));
  await settled();
  return begun;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('reads go on side by side as far as they fit, the others in the order in which they came', async () => {
  const room = roomOf(8 * MiB);
  const begun = await begin(room, 2 * MiB, 2 * MiB, 3 * MiB, 2 * MiB);
  expect(begun.map((each) => each !== null)).toEqual([true, true, false, false]);

  begun[0]?.();
  await settled();
  // The next one does not fit yet, and nobody overtakes it.
  expect(begun.map((each) => each !== null)).toEqual([true, true, false, false]);
  begun[1]?.();
  await settled();

  expect(begun.map((each) => each !== null)).toEqual([true, true, true, false]);
});

test('one that wants more than there is gets all of it, alone', async () => {
  const room = roomOf(8 * MiB);
  const begun = await begin(room, 64 * MiB, 2 * MiB);
  expect(begun.map((each) => each !== null)).toEqual([true, false]);

  begun[0]?.();
  await settled();

  expect(begun[1]).not.toBeNull();
});

test('reads of little do not wait for those of much', async () => {
  const room = roomOf(8 * MiB);
  const begun = await begin(room, 64 * MiB, 64 * MiB, MiB, MiB, MiB, MiB, MiB);

  expect(begun.map((each) => each !== null)).toEqual([true, false, true, true, true, true, false]);
});

describe('an answer whose client takes it slowly', () => {
  class SlowClient {
    writableLength = 1;
    isDestroyed = false;
    giveBack: (() => void) | null = null;

    /** As a response does: what it had is given back once it has closed. */
    destroy(): void {
      this.isDestroyed = true;
      this.giveBack?.();
    }
  }

  async function taken(room: ReadRoom, bytes: number): Promise<SlowClient> {
    const client = new SlowClient();
    client.giveBack = await room.take(bytes, client);
    return client;
  }

  test('is waited for as long as nobody else wants its room', async () => {
    const clock = new HandClock();
    const client = await taken(roomOf(8 * MiB, clock), 64 * MiB);

    clock.move(3_600_000);

    expect(client.isDestroyed).toBe(false);
  });

  test('is cut off where others wait, once it has had its time', async () => {
    const clock = new HandClock();
    const room = roomOf(8 * MiB, clock);
    const slow = [await taken(room, MiB), await taken(room, MiB), await taken(room, MiB)] as const;
    slow[1].writableLength = 0;
    clock.move(900);
    const last = await taken(room, MiB);
    const begun = await begin(room, MiB);

    // A second, and a quarter for a MiB.
    clock.move(300);
    expect([...slow, last].map(({ isDestroyed }) => isDestroyed)).toEqual([false, false, false, false]);
    clock.move(400);
    await settled();

    // One that its client has taken gives its room back by itself.
    expect([...slow, last].map(({ isDestroyed }) => isDestroyed)).toEqual([true, false, true, false]);
    expect(begun[0]).not.toBeNull();
  });

  test('has more time the more it has, as far as there is room', async () => {
    const clock = new HandClock();
    const room = roomOf(8 * MiB, clock);
    const slow = await taken(room, 64 * MiB);
    const begun = await begin(room, 64 * MiB);

    clock.move(1_900);
    expect(slow.isDestroyed).toBe(false);
    clock.move(500);
    await settled();

    expect(slow.isDestroyed).toBe(true);
    expect(begun[0]).not.toBeNull();
  });
});
