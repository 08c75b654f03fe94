import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { figuresOf, formatTop } from '../../../src/cli/top.ts';
import { LiveTimeline } from '../../../src/timeline/index.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-live-'));
  file = path.join(folder, 'timeline.ndjson');
});
afterEach(() => rmSync(folder, { recursive: true }));

const header = { cairn: 'timeline', version: 1, start: 1_795_000_000.5, port: 1234, scenario: '3 nodes, 2 Hz each' };
const nowS = header.start + 3.5;
const none = { minMs: null, medianMs: null, p90Ms: null, maxMs: null };
const some = { minMs: -0.5, medianMs: 0.2, p90Ms: 0.3, maxMs: 12.5 };

interface Second {
  readonly joined?: readonly string[];
  readonly left?: readonly string[];
  /** Names of nodes with two events each. */
  readonly active?: readonly string[];
}

const addressOf = (node: string): string => `10.0.0.1:${node.length}`;
const lines = (values: readonly unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join('');

/** What a logger writes for one second. */
function rows(second: number, { joined = [], left = [], active = [] }: Second): string {
  const pairs = (names: readonly string[]): string[][] => names.map((name) => [name, addressOf(name)]);
  const fields = (count: number) => ({
    events: 2 * count,
    untimed: 0,
    bytes: 168 * count,
    ...(count > 0 ? some : none),
    exact: true,
    negative: 0,
  });
  const total = { second, node: null, address: null, ...fields(active.length), nodes: 1, printed: 7, stored: null, unstored: 0 };
  return lines([
    { ...total, joined: pairs(joined), left: pairs(left) },
    ...active.map((node) => ({ second, node, address: addressOf(node), ...fields(1) })),
  ]);
}

const nodesOf = (live: LiveTimeline): string[] => figuresOf(live, nowS).nodes.map(({ node, state }) => `${node} ${state}`);

describe('a timeline that is being written', () => {
  test('shows each connection with its rates, delays, lag, state and skew', () => {
    writeFileSync(file, lines([header]) + rows(0, { joined: ['node1'], active: ['node1'] }) + rows(1, { active: ['node1'] }) + rows(2, {}));
    const live = new LiveTimeline(file);

    live.update();
    const text = formatTop(figuresOf(live, nowS), file);

    expect(text).toMatch(/^3 nodes, 2 Hz each: 3 s, 1 connected, 7 printed; delays in ms\n/);
    expect(text).toMatch(/NODE +ADDRESS +EVENTS\/S +KBPS +MIN +MEDIAN +P90 +MAX +LAG +STATE +SKEW/);
    expect(text).toMatch(/node1 +10\.0\.0\.1:5 +1\.3 +0\.9 +-0\.50 +0\.20 +0\.30 +13 +1 s +connected +ahead 0\.50/);
  });

  test('whose logger writes no more is said to have ended', () => {
    writeFileSync(file, lines([header]) + rows(0, { joined: ['node1'] }));
    const live = new LiveTimeline(file);
    live.update();

    expect(formatTop(figuresOf(live, header.start + 4.9), file)).not.toContain('ended');
    expect(formatTop(figuresOf(live, header.start + 21), file)).toContain('; nothing written for 20 s, the logger has ended\n');
  });

  test('takes what was appended since, also in the middle of a row, and nothing twice', () => {
    const whole = lines([header]) + rows(0, { joined: ['node1', 'node22'], active: ['node1'] }) + rows(1, { active: ['node1', 'node22'] });
    const live = new LiveTimeline(file);
    writeFileSync(file, whole.slice(0, 150));
    live.update();

    for (let at = 150; at < whole.length; at += 40) {
      appendFileSync(file, whole.slice(at, at + 40));
      live.update();
    }

    expect(figuresOf(live, nowS).nodes.map(({ node, eventsPerSecond }) => [node, eventsPerSecond])).toEqual([
      ['node1', 2],
      ['node22', 1],
    ]);
  });

  test('shows who has left for a while, then no more', () => {
    writeFileSync(file, lines([header]) + rows(0, { joined: ['node1', 'node22'], active: ['node1', 'node22'] }));
    const live = new LiveTimeline(file);
    appendFileSync(file, rows(1, { left: ['node1'] }));
    live.update();
    expect(nodesOf(live)).toEqual(['node1 gone', 'node22 connected']);

    for (let second = 2; second < 10; second++) appendFileSync(file, rows(second, {}));
    live.update();
    expect(nodesOf(live)).toEqual(['node22 connected']);

    for (let second = 10; second < 100; second++) appendFileSync(file, rows(second, {}));
    live.update();
    expect(live.connections).toHaveLength(1);
  });

  test('goes over to a later run in the file, behind a row that a kill has torn', () => {
    writeFileSync(file, `${lines([header])}${rows(0, { joined: ['old'] })}{"second":1,"no\n`);
    const live = new LiveTimeline(file);
    live.update();
    expect(nodesOf(live)).toEqual(['old connected']);

    appendFileSync(file, lines([{ ...header, scenario: 'again' }]) + rows(0, { joined: ['newer'] }));
    live.update();

    expect(nodesOf(live)).toEqual(['newer connected']);
    expect(figuresOf(live, nowS).scenario).toBe('again');
  });

  test('begins again in a shorter file of its name', () => {
    writeFileSync(file, lines([header]) + rows(0, { joined: ['node1'] }) + rows(1, {}));
    const live = new LiveTimeline(file);
    live.update();

    writeFileSync(file, lines([header]) + rows(0, { joined: ['other'] }));
    live.update();

    expect(nodesOf(live)).toEqual(['other connected']);
  });

  test.each([
    ['', 'no logger has written to it'],
    ['{"a":1}\n', 'line 1 is no row of a timeline'],
    ['\u0000\u0001 garbage\n', 'line 1 is no row of a timeline'],
    ['x'.repeat(1_000_000), 'line 1 is no row of a timeline'],
    [lines([{ ...header, version: 2 }]), 'it is of version 2, newer than this program'],
  ])('that is none is refused (%#)', (text, reason) => {
    writeFileSync(file, text);

    expect(() => new LiveTimeline(file).update()).toThrow(`Cannot use ${file} as a timeline: ${reason}`);
  });

  test('that is not there, or a folder, is said so', () => {
    expect(() => new LiveTimeline(file).update()).toThrow(`Cannot read the timeline ${file}: there is no such file`);
    expect(() => new LiveTimeline(folder).update()).toThrow(`Cannot read the timeline ${folder}: it is a folder`);
  });
});
