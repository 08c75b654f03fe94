import { expect, test } from 'vitest';
import { ReadRoom } from '../../../../src/gateway/http/read-room.ts';

const MiB = 1024 * 1024;

/** Reads that begin in order, each with what ends it once it has room. */
async function begin(room: ReadRoom, ...sizes: readonly number[]): Promise<((() => void) | null)[]> {
  const begun: ((() => void) | null)[] = sizes.map(() => null);
  sizes.forEach((bytes, at) => void room.take(bytes).then((giveBack) => (begun[at] = giveBack)));
  await settled();
  return begun;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('reads go on side by side as far as they fit, the others in the order in which they came', async () => {
  const room = new ReadRoom(8 * MiB);
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
  const room = new ReadRoom(8 * MiB);
  const begun = await begin(room, 64 * MiB, 2 * MiB);
  expect(begun.map((each) => each !== null)).toEqual([true, false]);

  begun[0]?.();
  await settled();

  expect(begun[1]).not.toBeNull();
});

test('reads of little do not wait for those of much', async () => {
  const room = new ReadRoom(8 * MiB);
  const begun = await begin(room, 64 * MiB, 64 * MiB, MiB, MiB, MiB, MiB, MiB);

  expect(begun.map((each) => each !== null)).toEqual([true, false, true, true, true, true, false]);
});
