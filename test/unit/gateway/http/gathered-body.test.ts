import { afterEach, expect, test, vi } from 'vitest';
import { BodiesInFlight, uncountedBytes } from '../../../../src/gateway/http/bodies.ts';
import { GatheredBody } from '../../../../src/gateway/http/gathered-body.ts';
import { takeRoom } from '../../../../src/record/room.ts';

const MiB = 1024 * 1024;

afterEach(() => void vi.restoreAllMocks());

/** Counts bytes that are copied from one array into another. */
function countCopied(): { bytes: number } {
  const copied = { bytes: 0 };
  const set = Uint8Array.prototype.set;
  vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (this: Uint8Array, source: ArrayLike<number>, at?: number) {
    copied.bytes += source.length;
    set.call(this, source, at);
  });
  return copied;
}

const patternOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index * 31 + (index >> 8));

test('each byte of a body that grows is copied as it comes, and once more when it is whole', () => {
  const body = new GatheredBody(64 * MiB, new BodiesInFlight(64 * MiB));
  const chunk = new Uint8Array(1000);
  const copied = countCopied();

  for (let count = 0; count < 2_000; count++) expect(body.add(chunk)).toBe(true);
  expect(copied.bytes).toBe(2_000_000);

  body.bytes();
  expect(copied.bytes - 4_000_000).toBeLessThanOrEqual(48);
});

test.each([1, 16_336, 16_384, 16_385, 65_536, 300_000, 3 * MiB])('gives %i bytes as they came, with room in front', (length) => {
  const bytes = patternOf(length);
  for (const [pieceBytes, bytesMax] of [
    [977, 4 * MiB],
    [65_536, length],
  ] as const) {
    const body = new GatheredBody(bytesMax, new BodiesInFlight(64 * MiB));
    for (let at = 0; at < length; at += pieceBytes) expect(body.add(bytes.subarray(at, at + pieceBytes))).toBe(true);
    const whole = body.bytes();

    expect(Buffer.compare(whole, bytes)).toBe(0);
    expect(whole.buffer.byteLength).toBeLessThan((48 + length) * 1.4);
    expect(takeRoom(whole) !== null).toBe(length >= 16_384);
  }
});

test('takes no more of what all bodies may hold than twice its length, and at most 256 KiB more than it has', () => {
  const body = new GatheredBody(64 * MiB, new BodiesInFlight(64 * MiB));
  const chunk = new Uint8Array(10_000);
  for (let length = chunk.length; length < 4 * MiB; length += chunk.length) {
    body.add(chunk);
    const held = body.held + Math.min(length, uncountedBytes);
    expect(held).toBeGreaterThanOrEqual(length);
    expect(held).toBeLessThanOrEqual(Math.min(2 * length, length + 256 * 1024) + uncountedBytes);
  }
});

test('is refused where the broker has no room, and holds what it had', () => {
  const bodies = new BodiesInFlight(MiB);
  const body = new GatheredBody(64 * MiB, bodies);
  const chunk = new Uint8Array(64 * 1024);
  let length = 0;
  while (body.add(chunk)) length += chunk.length;

  expect(length).toBeGreaterThan(MiB / 2);
  expect(bodies.bytes).toBe(body.held);
  expect(body.held).toBeLessThanOrEqual(MiB);
});
