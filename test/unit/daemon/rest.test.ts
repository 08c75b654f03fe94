import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { giveMemoryBackAtRest } from '../../../src/daemon/rest.ts';

const MiB = 1024 * 1024;
const lookMs = 2_000;
const global = globalThis as { gc?: unknown };
const gcBefore = global.gc;

let collections: unknown[];
let utilization: number;
let rss: number;
let heapUsed: number;

beforeEach(() => {
  vi.useFakeTimers();
  collections = [];
  utilization = 0.01;
  rss = 200 * MiB;
  heapUsed = 30 * MiB;
  global.gc = (options: unknown) => {
    collections.push(options);
    rss = 100 * MiB;
  };
  vi.spyOn(performance, 'eventLoopUtilization').mockImplementation(() => ({ idle: 0, active: 0, utilization }));
  vi.spyOn(process.memoryUsage, 'rss').mockImplementation(() => rss);
  const { rss: _, ...others } = process.memoryUsage();
  const memoryUsage = vi.spyOn(process, 'memoryUsage').mockImplementation(() => ({ ...others, rss, heapUsed }));
  Object.assign(memoryUsage, { rss: () => rss });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  global.gc = gcBefore;
});

const look = (times: number): void => void vi.advanceTimersByTime(times * lookMs);

test('a process at rest gives its memory back soon, and again only when it has grown and rested for five minutes', () => {
  giveMemoryBackAtRest();
  look(1);
  expect(collections).toEqual([]);
  look(1);
  expect(collections).toEqual([{ type: 'major', execution: 'sync', flavor: 'last-resort' }]);

  rss += 7 * MiB;
  look(200);
  expect(collections).toHaveLength(1);
  rss += MiB;
  utilization = 0.05;
  look(1);
  utilization = 0.01;
  look(149);
  expect(collections).toHaveLength(1);
  look(1);
  expect(collections).toHaveLength(2);
});

test('a process that works is left alone until it rests', () => {
  giveMemoryBackAtRest();
  for (let time = 0; time < 5; time++) {
    utilization = 0.01;
    look(1);
    utilization = 0.05;
    look(1);
  }
  expect(collections).toEqual([]);

  utilization = 0.01;
  look(2);
  expect(collections).toHaveLength(1);
});

test('a process in which a thread searches is left alone, however little its loop has to do', () => {
  let cpuMs = 0;
  vi.spyOn(process, 'cpuUsage').mockImplementation((before) => ({ user: cpuMs * 1000 - (before?.user ?? 0), system: 0 }));
  giveMemoryBackAtRest();
  for (let time = 0; time < 5; time++) {
    cpuMs += lookMs * 0.2;
    look(1);
  }
  expect(collections).toEqual([]);

  look(2);
  expect(collections).toHaveLength(1);
});

test('a heap whose collection would take too long for a leader is left alone', () => {
  heapUsed = 65 * MiB;
  giveMemoryBackAtRest();
  look(10);
  expect(collections).toEqual([]);

  heapUsed = 64 * MiB;
  look(1);
  expect(collections).toHaveLength(1);
});

test('without --expose-gc nothing is even looked at', () => {
  delete global.gc;
  giveMemoryBackAtRest();

  expect(vi.getTimerCount()).toBe(0);
});
