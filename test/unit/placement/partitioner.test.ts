import { describe, expect, test } from 'vitest';
import { murmur2, partitionOfKey } from '../../../src/placement/index.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("murmur2 is that of Kafka's Java client", () => {
  // Of UtilsTest.testMurmur2 in apache/kafka.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('%s: %i, in its own test', (key, hash) => {
    expect(murmur2(bytesOf(key))).toBe(hash);
  });

  // Recorded from it by others: Akka (1 to 12345), a Go client (the bytes), librdkafka (kafka and the one after it, made positive).
  test.each([
    [bytesOf('1'), -1993445489],
    [bytesOf('12'), 126087238],
    [bytesOf('123'), -267702483],
    [bytesOf('1234'), -1614185708],
    [bytesOf('12345'), -1188365604],
    [Uint8Array.of(12, 42, 56, 24, 109, 111), 274204207],
  ])('%s: %i, as recorded', (key, hash) => {
    expect(murmur2(key)).toBe(hash);
  });

  test.each([
    ['kafka', 1348980580],
    ['giberish123456789', 257239820],
  ])('%s: %i, made positive', (key, hash) => {
    expect(partitionOfKey(bytesOf(key), 0x7fff_ffff)).toBe(hash);
  });
});

describe("a key's partition is that of Kafka's default partitioner", () => {
  // Recorded by the Python client's tests, of 1,000 partitions.
  test.each([
    ['', 681],
    ['a', 524],
    ['ab', 434],
    ['abc', 107],
    ['123456789', 566],
    ['\x00 ', 742],
  ])('%j: %i', (key, partition) => {
    expect(partitionOfKey(bytesOf(key), 1000)).toBe(partition);
  });

  test('bytes above 127 count as such, and not as negative ones', () => {
    const key = Uint8Array.of(0xff, 0x80, 0xa4, 0x81, 0xfe, 0xc3, 0xbf);

    expect(murmur2(key)).toBe(restatedMurmur2(key));
  });

  test('of one partition it is always 0', () => {
    expect(['', 'a', 'foobar'].map((key) => partitionOfKey(bytesOf(key), 1))).toEqual([0, 0, 0]);
  });
});

/** With whole numbers of any size, reduced after each step. */
function restatedMurmur2(key: Uint8Array): number {
  const m = 0x5bd1e995n;
  const low = (value: bigint): bigint => BigInt.asUintN(32, value);
  const number = (from: number, to: number): bigint =>
    key.slice(from, to).reduce((sum, byte, index) => sum + (BigInt(byte) << BigInt(8 * index)), 0n);
  let hash = 0x9747b28cn ^ BigInt(key.length);
  const whole = key.length - (key.length % 4);
  for (let at = 0; at < whole; at += 4) {
    const mixed = low(number(at, at + 4) * m);
    hash = low(hash * m) ^ low((mixed ^ (mixed >> 24n)) * m);
  }
  if (whole < key.length) hash = low((hash ^ number(whole, key.length)) * m);
  hash = low((hash ^ (hash >> 13n)) * m);
  return Number(BigInt.asIntN(32, hash ^ (hash >> 15n)));
}
