// Topics as `cairn grep` searches them: one replica answers, another goes on where it fails, and lines of topics and files stand in one order of time. The
// replicas are machines of this process over one twin, so that each can be made to fail at a chosen place.
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LogError, promised, withPromises } from '../../src/eventlog/index.ts';
import { MemoryLog } from '../../src/eventlog/memory-log.ts';
import { RecordBatchBuilder } from '../../src/record/index.ts';
import type { AnswerSink, Searcher } from '../../src/search/index.ts';
import { createTopicsSearcher, GnuGrep } from '../../src/search/topics/index.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { testClock } from '../support/clock.ts';
import { freePorts } from '../support/free-ports.ts';
import {
  type Answer,
  type Followed,
  followGrep,
  type MachineOptions,
  runGrep,
  type SearchMachine,
  startMachine,
} from '../support/grep-rig.ts';
import { needsPrograms } from '../support/needs.ts';
import { starter } from '../support/starter.ts';

const firstMs = Date.UTC(2026, 10, 30, 4);
const at = (second: number): string => new Date(firstMs + second * 1000).toISOString();

let log: MemoryLog;
let machines: SearchMachine[];
beforeEach(() => {
  log = new MemoryLog({ clock: testClock(), bytes: systemBytes });
  machines = [];
});
afterEach(() => Promise.all(machines.map((machine) => machine.close())));

/** Records with a second each as their time. */
async function append(...records: readonly (readonly [value: string, second: number])[]): Promise<void> {
  const builder = new RecordBatchBuilder();
  for (const [value, second] of records) builder.add(firstMs + second * 1000, null, Buffer.from(value));
  const request = { topic: 'log', level: 'quorum', timeoutMs: 1000, requestId: null, sequence: 0, expectedOffset: null } as const;
  await promised((answer) => log.append({ ...request, batch: builder.finish(systemBytes) }, answer));
}

const searcherOf = (name: string): Searcher =>
  createTopicsSearcher({ machine: name, log: withPromises(log), bytes: systemBytes, grep: new GnuGrep(starter) });

async function replica(name: string, topic: Searcher = searcherOf(name), options: MachineOptions = {}): Promise<SearchMachine> {
  const machine = await startMachine(name, {}, { ...options, topic });
  machines.push(machine);
  return machine;
}

/** Fails as a broker that crashes does, behind so many words of how far it has come, and half of what would come next. */
function failing(name: string, behind: number): Searcher {
  return async (request, sink, signal) => {
    const own = new AbortController();
    let left = behind;
    let isOver = false;
    const broken: AnswerSink = {
      ...sink,
      bytes: (chunk) => {
        if (isOver) return undefined;
        return sink.bytes(left > 0 ? chunk : chunk.subarray(0, chunk.length / 2));
      },
      lines: (payload) => (isOver ? undefined : sink.lines(payload)),
      reached: (reached) => {
        if (left > 0) sink.reached(reached);
        else own.abort();
        if (left <= 0) isOver = true;
        left--;
      },
      end: () => undefined,
    };
    await searcherOf(name)(request, broken, AbortSignal.any([signal, own.signal]));
    if (!signal.aborted) throw new LogError('crashed', 'Cannot search: it crashed');
  };
}

const on = (...asked: readonly { readonly address: string }[]): string[] => ['--on', asked.map(({ address }) => address).join(',')];
const search = (args: readonly string[], ...asked: readonly { readonly address: string }[]): Promise<Answer> =>
  runGrep([...args, '--topic', 'log', ...on(...asked)]);
const nobody = async (): Promise<{ readonly address: string }> => ({ address: `127.0.0.1:${(await freePorts(1))[0] ?? 0}` });

/** More than goes into one piece of an answer. */
async function appendMany(): Promise<void> {
  for (let batch = 0; batch < 20; batch++)
    await append(...Array.from({ length: 100 }, (_, index) => [`hit ${batch * 100 + index} ${'x'.repeat(150)}`, batch] as const));
}

const offsetsOf = (printed: Buffer): number[] => [...printed.toString().matchAll(/^\w+:log:(\d+):/gm)].map(([, digits]) => Number(digits));
/** In few words: many offsets that differ are unreadable. */
const inOrder = (offsets: readonly number[], first = 0): string =>
  offsets.every((offset, index) => offset === first + index)
    ? `${offsets.length} in order`
    : `out of order: ${offsets.slice(0, 20).join()}`;

describe('one replica answers for a topic', () => {
  test('the first that takes the connection, and no other is asked', async () => {
    await append(['a hit', 1], ['b', 2]);
    const [one, two] = [await replica('m1'), await replica('m2')];

    const { stdout, stderr, status } = await search(['-n', 'hit'], one, two);

    expect(stdout.toString()).toBe('m1:log:0:a hit\n');
    expect(stderr).toBe('m1: 1 line in topic log, offsets 0 to 1\ntotal: 1 line on 1 machine\n');
    expect(status).toBe(0);
  });

  test('the next where that one is not there, which is told and no failure', async () => {
    await append(['a hit', 1]);
    const [gone, two] = [await nobody(), await replica('m2')];

    const { stdout, stderr, status } = await search(['hit'], gone, two);

    expect([stdout.toString(), status]).toEqual(['m2:log:a hit\n', 0]);
    expect(stderr).toContain(`${gone.address}: connection refused; another replica is asked\n`);
  });

  describe('a pattern that is none is refused once, as grep does', needsPrograms('grep'), () => {
    test.each([
      [['\\('], 'Unmatched ( or \\('],
      [['-E', 'a{2,1}'], 'Invalid content of \\{\\}'],
      [['-P', '('], 'missing closing parenthesis'],
      [['-e', 'fine', '-e', '[z-a]'], 'Invalid range end'],
      [['-c', '\\(a\\)\\2'], 'Invalid back reference'],
      [['-E', '--engine', 'grep', '('], 'Unmatched ( or \\('],
      [['--merge', '\\('], 'Unmatched ( or \\('],
    ])('%j', async (args, sentence) => {
      const files = { 'a.log': 'a hit\n', 'b.log': 'another\n' };
      machines.push(...(await Promise.all(['m1', 'm2', 'm3'].map((name) => startMachine(name, files, { topic: searcherOf(name) })))));
      const on = ['--on', machines.map(({ address }) => address).join(',')];
      await append(['a hit', 1]);

      const ofFiles = await runGrep([...args, '--files', 'app', ...on]);
      const ofTopics = await runGrep([...args, '--topic', 'log', ...on]);
      const ofBoth = await runGrep([...args, '--files', 'app', '--topic', 'log', ...on]);

      for (const { stdout, stderr, status } of [ofFiles, ofTopics, ofBoth]) {
        expect(stderr).toMatch(/^Cannot search: [^\n]*\n$/);
        expect(stderr).toContain(sentence);
        expect([stdout.toString(), status]).toEqual(['', 2]);
      }
    });

    test('of a topic without records too', async () => {
      const answer = await search(['\\('], await replica('m1'));

      expect(answer.stderr).toMatch(/^Cannot search: Unmatched \( or \\\( [^\n]*\n$/);
      expect(answer.status).toBe(2);
    });
  });

  test.each([[['-f', '/dev/null']], [['-m', '0', 'hit']]])(
    '-c where nothing could be selected prints nothing, as grep does, and counts none (%j)',
    async (args) => {
      const machine = await startMachine('m1', { 'a.log': 'a hit\n' }, { topic: searcherOf('m1') });
      machines.push(machine);
      await append(['a hit', 1]);

      for (const source of [
        ['--files', 'app'],
        ['--topic', 'log'],
      ]) {
        const { stdout, stderr, status } = await runGrep(['-c', ...args, ...source, '--on', machine.address]);
        expect([stdout.toString(), status]).toEqual(['', 1]);
        expect(stderr).toMatch(/^m1: 0 lines in .*\ntotal: 0 lines on 1 machine\n$/);
      }
    },
  );

  test('a machine without topics is passed over', async () => {
    await append(['a hit', 1]);
    const [files, two] = [await startMachine('m1', {}), await replica('m2')];
    machines.push(files);

    expect((await search(['hit'], files, two)).status).toBe(0);
  });

  test.each([[['-n']], [['-n', '--merge']], [['-n', '-m', '1500']], [['-no', 'hit']]])(
    'the next goes on where the first crashed in the middle: each record once (%j)',
    async (args) => {
      await appendMany();
      const [one, two] = [await replica('m1', failing('m1', 2)), await replica('m2')];
      const pattern = args.includes('hit') ? [] : ['hit'];

      const { stdout, stderr, status } = await search([...args, ...pattern], one, two);

      expect(inOrder(offsetsOf(stdout))).toBe(args.includes('-m') ? '1500 in order' : '2000 in order');
      expect(stdout.toString()).toMatch(/^m1:log:0:[^]*\nm2:log:/);
      expect(stderr).toContain('m1: Cannot search: it crashed; another replica is asked');
      expect(stderr).toMatch(/^m1: \d+ (lines|matches) in topic log, offsets 0 to \d+\nm2: /m);
      expect(stderr).toContain(args.includes('-m') ? 'total: 1500' : 'total: 2000');
      expect(status).toBe(0);
    },
  );

  test.each([[['-c']], [['-l']], [['-q']]])('what is counted is counted once (%j)', async (args) => {
    await appendMany();
    const [one, two] = [await replica('m1', failing('m1', 0)), await replica('m2')];

    const { stdout, status } = await search([...args, 'hit'], one, two);

    expect(stdout.toString()).toMatch(/^(m[12]:log(:2000)?\n|)$/);
    expect(status).toBe(0);
  });

  test('with context it is partial from there on, and says so', async () => {
    await appendMany();
    const [one, two] = [await replica('m1', failing('m1', 2)), await replica('m2')];

    const { stdout, stderr, status } = await search(['-n', '-A1', 'hit'], one, two);

    const offsets = offsetsOf(stdout);
    expect(inOrder(offsets)).toBe(`${offsets.length} in order`);
    expect(offsets.length).toBeGreaterThan(0);
    expect(stderr).toContain('Not all of the answer from m1: Cannot search: it crashed');
    expect(status).toBe(2);
  });

  test('where nobody goes on what was given is told as not all of it', async () => {
    await appendMany();
    const [one, two] = [await replica('m1', failing('m1', 2)), await nobody()];

    for (const asked of [[one], [one, two]]) {
      const { stdout, stderr, status } = await search(['-n', 'hit'], ...asked);

      const offsets = offsetsOf(stdout);
      expect(inOrder(offsets)).toBe(`${offsets.length} in order`);
      expect(stderr).toContain('Not all of the answer from m1: Cannot search: it crashed');
      expect([offsets.length > 0, status]).toEqual([true, 2]);
    }
  });

  test('what is wrong with the question is said by the first, as its refusal', async () => {
    const [one, two] = [await replica('m1'), await replica('m2')];

    const { stderr, status } = await runGrep(['x', '--topic', 'nowhere', ...on(one, two)]);

    expect(stderr).toMatch(/^m1 refuses: Cannot search topic "nowhere": /m);
    expect(stderr).not.toContain('m2');
    expect(status).toBe(2);
  });

  test('a question that is too long too', async () => {
    const [one, two] = [await replica('m1'), await replica('m2')];

    const { stderr, status } = await search(['x'.repeat(2_000_000)], one, two);

    expect(stderr).toMatch(/^m1|^127.*refuses: .*its body has more than/m);
    expect(stderr).not.toContain('another replica');
    expect(status).toBe(2);
  });

  test('where none answers all are named', async () => {
    const [one, two] = [await nobody(), await nobody()];

    const { stderr, status } = await search(['x'], one, two);

    expect(stderr).toContain(`No answer from ${one.address}: connection refused\nNo answer from ${two.address}: connection refused\n`);
    expect(status).toBe(2);
  });
});

test('--json has the records with their fields, and to where the answer is complete', async () => {
  await append(['before', 1], ['a hit\nof two lines', 2]);
  const one = await replica('m1');

  const lines = (await search(['--json', '-B1', 'hit'], one)).stdout.toString().trim().split('\n');

  const common = { machine: 'm1', topic: 'log', partition: 0, key: null, headers: {} };
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { type: 'context', ...common, offset: 0, timestamp: firstMs + 1000, value: 'before', matches: [] },
    { type: 'match', ...common, offset: 1, timestamp: firstMs + 2000, value: 'a hit\nof two lines', matches: [[2, 5]] },
    {
      type: 'machine',
      parts: [{ selected: 1, topic: { partition: 0, offsetFrom: 0, offsetTo: 2, gaps: [] } }],
      problem: null,
      failure: null,
    },
    { type: 'summary', selected: 1, isComplete: true },
  ]);
});

test('a program that asks a broker is answered by its own replica, or by another, with each record once', async () => {
  await append(['a hit', 1]);
  const origins = new Map<string, string>();
  const known = ['m1', 'm2', 'm3'].map((name) => ({
    name,
    get origin() {
      return origins.get(name) ?? '';
    },
  }));
  const started: SearchMachine[] = [];
  for (const { name } of known) {
    const machine = await replica(name, name === 'm3' ? failing(name, 0) : searcherOf(name), { machines: known });
    origins.set(name, `http://${machine.address}`);
    started.push(machine);
  }
  const ask = async (address: string, more: object = {}): Promise<Record<string, unknown>[]> => {
    const body = { source: { kind: 'topic', topic: 'log' }, match: { patterns: ['hit'] }, ...more };
    const response = await fetch(`http://${address}/v1/grep`, { method: 'POST', body: JSON.stringify(body) });
    return (await response.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  const byItself = await ask((started[1] as SearchMachine).address);
  const byAnother = await ask((started[0] as SearchMachine).address, { on: ['m3', 'm2'] });

  for (const lines of [byItself, byAnother]) {
    expect(lines.filter(({ type }) => type === 'match')).toMatchObject([{ machine: 'm2', topic: 'log', offset: 0, value: 'a hit' }]);
    expect(lines.at(-1)).toEqual({ type: 'summary', selected: 1, isComplete: true });
  }
});

test('--merge puts records and lines of files into one order, by the times that they bear', async () => {
  await append(['two hit', 2], ['four hit\nbelow', 4]);
  const machine = await startMachine(
    'm1',
    { 'a.log': `${at(1)} one hit\n${at(3)} three hit\n${at(5)} five hit\n` },
    { topic: searcherOf('m1') },
  );
  machines.push(machine);

  const { stdout, stderr } = await runGrep(['--merge', 'hit', '--topic', 'log', '--files', 'app', ...on(machine)]);

  expect(stdout.toString()).toBe(
    [
      `m1:a.log:${at(1)} one hit`,
      'm1:log:two hit',
      `m1:a.log:${at(3)} three hit`,
      'm1:log:four hit\nbelow',
      `m1:a.log:${at(5)} five hit`,
      '',
    ].join('\n'),
  );
  expect(stderr).toContain('total: 5 lines');
});

describe('a topic that is followed', () => {
  let interrupt: AbortController;
  beforeEach(() => {
    interrupt = new AbortController();
  });
  afterEach(() => interrupt.abort());

  const follow = (args: readonly string[]): Followed => followGrep(args, interrupt.signal);

  test('comes with files in order of time, what is late marked, from a time on', needsPrograms('grep'), async () => {
    await append(['log one', 1]);
    const machine = await startMachine('m1', { 'a.log': '' }, { topic: searcherOf('m1') });
    machines.push(machine);
    const sources = ['--topic', 'log', '--files', 'app', '--since', '7d', '--window', '0.05', '--json', ...on(machine)];
    const { until, status } = follow(['-e', 'log', '-e', 'file', ...sources]);
    await until('log one');

    await append(['log three', 3], ['other', 3]);
    await until('log three');
    appendFileSync(path.join(machine.folder, 'a.log'), `${at(2)} file two\n`);
    await until('file two');
    await append(['log late', 1], ['log four', 4]);
    const printed = await until('log four');

    const lines = printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ value, text, late }) => [value ?? text, late])).toEqual([
      ['log one', undefined],
      ['log three', undefined],
      [`${at(2)} file two`, true],
      ['log late', true],
      ['log four', undefined],
    ]);
    interrupt.abort();
    expect(await status).toBe(130);
  });

  test('begins at its end, and goes on at another replica where the first goes away', async () => {
    await append(['hit before', 1]);
    const [one, two] = [await replica('m1'), await replica('m2')];
    const { until, said } = follow(['hit', '--window', '0.01', '-n', '--topic', 'log', ...on(one, two)]);
    // Until it has begun nothing tells where its beginning is.
    let second = 2;
    const probe = setInterval(() => void append([`hit probe ${second}`, second++]), 20);
    await until('probe');
    clearInterval(probe);

    await (machines.shift() as SearchMachine).close();
    await append(['hit last', 1000]);
    const printed = await until('hit last');

    const offsets = offsetsOf(Buffer.from(printed));
    expect(inOrder(offsets, offsets[0])).toBe(`${offsets.length} in order`);
    expect(printed).not.toContain('before');
    expect(printed).toContain('m2:log:');
    expect(said()).toMatch(/m1: .*; another replica is asked/);
  });

  test('ends with -m, counted over all replicas', async () => {
    await append(['hit 1', 1], ['hit 2', 2], ['hit 3', 3]);
    const [one, two] = [await replica('m1', failing('m1', 1)), await replica('m2')];

    const { status, until } = follow(['hit', '-m', '2', '--since', '1d', '--topic', 'log', ...on(one, two)]);

    expect(await status).toBe(0);
    expect(await until('')).toMatch(/^m\d:log:hit 1\nm\d:log:hit 2\n$/);
  });

  test.each([
    [['-c', 'x'], 'only lines can be followed'],
    [['-C1', 'x'], 'context is not shown of a topic that is followed'],
    [['--time-format', '%s', 'x'], 'records of a topic bear their time beside them'],
  ])('%j is refused with the reason', async (args, reason) => {
    const one = await replica('m1');
    const { status, said } = follow([...args, '--topic', 'log', ...on(one)]);

    expect(await status).toBe(2);
    expect(said()).toContain(reason);
  });
});
