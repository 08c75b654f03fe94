import { describe, expect, test } from 'vitest';
import { Latencies } from '../../../../src/lab/bench/latencies.ts';

describe('Latencies', () => {
  test('gives percentiles within half a per cent of those of the values', () => {
    const latencies = new Latencies();
    // 0.1, 0.2, ... 100 ms in an order that is not theirs.
    for (let index = 0; index < 1000; index++) latencies.record((((index * 7) % 1000) + 1) / 10);

    const { p50, p99, max } = latencies.summary();

    expect(p50 / 50).toBeCloseTo(1, 2);
    expect(Math.abs(p50 / 50 - 1)).toBeLessThanOrEqual(0.005);
    expect(Math.abs(p99 / 99 - 1)).toBeLessThanOrEqual(0.005);
    expect(max).toBe(100);
  });

  test('counts an entry as often as its weight says', () => {
    const latencies = new Latencies();
    latencies.record(1, 98);
    latencies.record(10, 1);
    latencies.record(100, 1);

    const { p50, p99, max } = latencies.summary();

    expect(Math.abs(p50 - 1)).toBeLessThanOrEqual(0.005);
    expect(Math.abs(p99 - 10)).toBeLessThanOrEqual(0.05);
    expect(max).toBe(100);
  });

  test('never gives more than the largest value, and 0 when there is none', () => {
    const one = new Latencies();
    one.record(3.3333);

    expect(one.summary()).toEqual({ p50: 3.3333, p99: 3.3333, max: 3.3333 });
    expect(new Latencies().summary()).toEqual({ p50: 0, p99: 0, max: 0 });
  });
});
