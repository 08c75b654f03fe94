/** The command line as a new user has it on three real brokers: in pipes, on a terminal that script(1) makes, and completed by the shells that are there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { cairnHere, type CairnRun, ended, program, startCairn } from '../support/cairn.ts';
import { needsPrograms } from '../support/needs.ts';

let brokers: LabBrokers;
let env: Record<string, string>;
let folder: string;

beforeAll(async () => {
  brokers = await LabBrokers.start({ count: 3 });
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-command-line-'));
  env = { CAIRN_SERVER: brokers.urls.join(','), XDG_CONFIG_HOME: folder };
  for (const [topic, ...options] of [
    ['orders'],
    ['clicks', '--partitions', '4'],
    ['small', '--retention-bytes', '64MiB'],
    ['gone'],
    ['kept'],
  ])
    await type('topic', 'create', topic as string, ...options);
});
afterAll(async () => {
  await brokers.end();
  rmSync(folder, { recursive: true });
});

const type = (...args: string[]): Promise<CairnRun> => cairnHere(args, { env });
const typeWith = (input: string, ...args: string[]): Promise<CairnRun> => cairnHere(args, { env, input });
const linesOf = ({ out }: CairnRun): string[] => out.split('\n').filter((line) => line !== '');

/** On a terminal of its own. */
function onTerminal(...args: string[]): ChildProcess {
  const command = [process.execPath, program, ...args].map((word) => `'${word}'`).join(' ');
  return spawn('script', ['-qec', `exec ${command}`, '/dev/null'], {
    env: { PATH: process.env['PATH'], TERM: 'xterm', NO_COLOR: '1', ...env },
  });
}

/** What is printed, once an answer was typed behind what ends in `?`. */
async function answered(child: ChildProcess, answer: string): Promise<string> {
  let printed = '';
  let isAnswered = false;
  child.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    if (isAnswered || !printed.includes('[y/N]')) return;
    isAnswered = true;
    child.stdin?.write(`${answer}\n`);
  });
  await once(child, 'close');
  return printed;
}

describe('append', () => {
  test('takes a key and headers, and read shows them', async () => {
    await type('append', 'orders', 'boots', '-k', 'anna', '-H', 'shop=oslo', '--header', 'till=1');

    expect((await type('read', 'orders', '--last', '1', '--format', '%k %h %v')).out).toBe('anna {"shop":"oslo","till":"1"} boots\n');
    expect((await type('read', 'orders', '--last', '1', '--keys', '--headers')).out).toBe('anna\t{"shop":"oslo","till":"1"}\tboots\n');
  });

  test('divides lines into key and value, each key in its partition', async () => {
    const lines = Array.from({ length: 60 }, (_, index) => `k${index % 7}:v${index}`);

    const { code } = await typeWith(`${lines.join('\n')}\n`, 'produce', 'clicks', '--key-delimiter', ':');

    expect(code).toBe(0);
    const read = linesOf(await type('consume', 'clicks', '--format', '%p %k:%v'));
    expect(read.map((line) => line.slice(2)).toSorted()).toEqual(lines.toSorted());
    const places = new Map<string, Set<string>>();
    for (const line of read) {
      const [partition = '', rest = ''] = line.split(' ');
      const key = rest.split(':')[0] as string;
      places.set(key, (places.get(key) ?? new Set()).add(partition));
    }
    expect([...places.values()].every((partitions) => partitions.size === 1)).toBe(true);
    expect(new Set([...places.values()].flatMap((partitions) => [...partitions])).size).toBeGreaterThan(1);
  });

  test('takes what read --json prints, and goes on where it was interrupted', async () => {
    await type('topic', 'create', 'copied', '--partitions', '3');
    const { out } = await type('read', 'clicks', '--json', '--log-times');

    await typeWith(out.split('\n').slice(0, 20).join('\n'), 'append', 'copied', '--json-lines', '--request-id', 'copy-1');
    const { code, err } = await typeWith(out, 'append', 'copied', '--json-lines', '--request-id', 'copy-1');

    expect({ code, err }).toEqual({ code: 0, err: '20 lines arrived in an earlier run and are passed over\n' });
    const fields = async (topic: string): Promise<string[]> => linesOf(await type('read', topic, '--format', '%T %k %v')).toSorted();
    expect(await fields('copied')).toEqual(await fields('clicks'));
  });

  test('names a line that is wrong, and says how much is safe', async () => {
    const { code, out, err } = await typeWith('{"value":"a"}\n{"value":\n', 'append', 'kept', '--json-lines', '--request-id', 'r');

    expect({ code, out }).toEqual({ code: 65, out: '' });
    expect(err).toContain('Cannot append line 2: it is no JSON');
    expect(err).toContain('1 line is acknowledged');
    expect((await type('read', 'kept')).out).toBe('a\n');
  });
});

describe('read', () => {
  beforeAll(async () => {
    await type('topic', 'create', 'numbers');
    await typeWith(Array.from({ length: 20 }, (_, index) => `${index}\n`).join(''), 'append', 'numbers');
  });

  test.each([
    [
      ['-n', '3'],
      ['0', '1', '2'],
    ],
    [
      ['--last', '2'],
      ['18', '19'],
    ],
    [
      ['-o', '-2'],
      ['18', '19'],
    ],
    [['--from', 'start', '--max', '1'], ['0']],
    [['-o', 'end'], []],
    [
      ['--last', '5', '-n', '2'],
      ['15', '16'],
    ],
    [['--since', '1h'], Array.from({ length: 20 }, (_, index) => String(index))],
    [['--since', '1h30m', '--until', '1h'], []],
    [['--until', 'now', '--last', '1'], ['19']],
  ])('with %j', async (options, values) => expect(linesOf(await type('read', 'numbers', ...options))).toEqual(values));

  test('up to a time that lies between two records', async () => {
    const [before = ''] = linesOf(await type('read', 'numbers', '--last', '1', '--format', '%L'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await type('append', 'numbers', 'later');
    const until = String(Number(before) + 1);

    expect(linesOf(await type('read', 'numbers', '--until', until)).at(-1)).toBe('19');
    expect(linesOf(await type('read', 'numbers', '--since', until))).toEqual(['later']);
  });

  test('says when it was appended by its appender, and when the leader took it', async () => {
    await typeWith('{"value":"old","timestamp":1000}\n', 'append', 'kept', '--json-lines');

    const [line = ''] = linesOf(await type('read', 'kept', '--last', '1', '--format', '%T %d %L'));
    const [event, date, log] = line.split(' ');

    expect([event, date]).toEqual(['1000', '1970-01-01T00:00:01.000Z']);
    expect(Math.abs(Number(log) - Date.now())).toBeLessThan(600_000);
    expect(linesOf(await type('read', 'kept', '--last', '1', '--timestamps', '--log-times'))[0]).toMatch(
      /^1970-01-01T00:00:01.000Z\t20\d\d-.*\told$/,
    );
  });

  test('of all partitions together, the last ones of each or of all', async () => {
    expect(linesOf(await type('read', 'clicks', '--last', '3'))).toHaveLength(3);
    const each = linesOf(await type('read', 'clicks', '-o', '-1', '--json')).map(
      (line) => (JSON.parse(line) as { partition: number }).partition,
    );
    expect(new Set(each).size).toBe(each.length);
    expect(linesOf(await type('read', 'clicks', '--json', '--log-times', '-n', '1'))[0]).toMatch(/"logTime":\d{13}/);
  });

  test('of several topics, one after another, each record with its topic', async () => {
    expect(linesOf(await type('read', 'orders', 'numbers', '-n', '3', '--format', '%t'))).toEqual(['orders', 'numbers', 'numbers']);
    expect(linesOf(await type('read', 'numbers', 'orders', '--last', '1'))).toEqual(['numbers\tlater', 'orders\tboots']);
    expect(
      linesOf(await type('tail', 'numbers', 'orders', '-n', '1', '--json')).map((line) => (JSON.parse(line) as { topic: string }).topic),
    ).toEqual(['numbers', 'orders']);
  });

  test('follows several topics until it has enough', async () => {
    const child = startCairn(['tail', '-f', '-n', '1', 'numbers', 'orders'], { env });
    const seen: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => seen.push(...chunk.toString().split('\n')));
    await expect.poll(() => seen).toContain('orders\tboots');

    await type('append', 'numbers', 'one more');
    await type('append', 'orders', 'shoes');

    await expect.poll(() => seen).toContain('orders\tshoes');
    await expect.poll(() => seen).toContain('numbers\tone more');
    const end = ended(child);
    child.kill('SIGINT');
    expect((await end).code).toBe(130);
  });

  test.each([
    [['read', 'numbers', '--format', '%q'], 'There is no field %q'],
    [['read', 'numbers', '--until', '5m', '-f'], '--until and --follow exclude each other'],
    [['read', 'numbers', '--last', '2', '--since', '5m'], '--since and --last exclude each other'],
    [['read', 'numbers', '--since', 'yesterday'], 'it is a time such as'],
    [['read', 'numbers', 'orders', '-o', 'v1.0'], 'a place in one topic, and several are named'],
    [['read', 'numbers', '--json', '--format', '%v'], '--format and --json exclude each other'],
    [['append', 'numbers', 'x', '--header', 'shop'], 'it is a name and a value such as'],
    [['append', 'numbers', 'x', '-k', 'a', '--key-delimiter', ':'], '--key and --key-delimiter exclude each other'],
    [['topic', 'create', 'x', '--retention-bytes', '64M'], 'it is a size such as 64MiB'],
    [['pull', 'billing', '--format', '%L'], 'does not say its log time'],
  ])('%j is refused in one sentence', async (args, message) => {
    const { code, out, err } = await type(...args);

    expect({ code, out, lines: err.split('\n').length }).toEqual({ code: 2, out: '', lines: 2 });
    expect(err).toContain(message);
  });
});

describe('topics', () => {
  test('have sizes that people write, and are listed under either name', async () => {
    expect((await type('topic', 'describe', 'small')).out).toContain('64.0 MiB');
    await type('topic', 'alter', 'small', '--retention-bytes', '1GB');
    expect(JSON.parse((await type('topic', 'describe', 'small', '--json')).out)).toMatchObject({ settings: { retentionBytes: 1e9 } });
    expect(linesOf(await type('ls', '--prefix', 'small'))).toHaveLength(2);
  });

  test('are deleted at once by a script', async () => {
    await type('topic', 'create', 'one');
    await type('topic', 'create', 'two');

    expect(await type('topic', 'delete', 'one', 'two')).toEqual({ code: 0, out: 'Deleted topic "one"\nDeleted topic "two"\n', err: '' });
  });

  test('are deleted on a terminal once the answer is yes', needsPrograms('script'), async () => {
    const kept = await answered(onTerminal('topic', 'delete', 'gone'), 'n');
    expect(kept).toContain('Topic "gone" will be gone with all its records');
    expect(kept).toContain('Topic "gone" was not deleted');
    expect((await type('topic', 'describe', 'gone')).code).toBe(0);

    expect(await answered(onTerminal('topic', 'delete', 'gone'), 'y')).toContain('Deleted topic "gone"');
    expect((await type('topic', 'describe', 'gone')).code).toBe(1);
    await type('topic', 'create', 'gone');
    expect(await answered(onTerminal('topic', 'delete', 'gone', '--yes'), 'n')).toBe('Deleted topic "gone"\r\n');
  });
});

describe('on a terminal', needsPrograms('script'), () => {
  /** What is printed, and the exit code, once each text was typed behind what has to be there before it. */
  async function typed(child: ChildProcess, ...dialogue: readonly (readonly [after: string, text: string])[]): Promise<[string, number]> {
    let printed = '';
    child.stdout?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const closed = once(child, 'close') as Promise<[number]>;
    for (const [after, text] of dialogue) {
      await expect.poll(() => printed).toContain(after);
      child.stdin?.write(text);
    }
    const [code] = await closed;
    return [printed.replaceAll('\r\n', '\n'), code];
  }

  test('lines that are typed are records, up to Ctrl-D', async () => {
    await type('topic', 'create', 'typed');

    const [printed, code] = await typed(onTerminal('append', 'typed'), ['Ctrl-D ends', 'one\ntwo\n'], ['two', '\u0004']);

    expect(code).toBe(0);
    expect(printed).toMatch(/\nAppended 2 lines, last offset 2\n$/);
    expect((await type('read', 'typed')).out).toBe('one\ntwo\n');
  });

  test('a follower ends with Ctrl-C', async () => {
    const [printed, code] = await typed(onTerminal('read', 'orders', '-n', '9', '-f'), ['boots', '\u0003']);

    expect([printed.startsWith('boots\n'), code]).toEqual([true, 130]);
  });

  test('control characters of a record do nothing', async () => {
    await type('topic', 'create', 'controls');
    await type('append', 'controls', '\u001b[2J\u0007bell');

    expect(await typed(onTerminal('read', 'controls'))).toEqual(['\\x1b[2J\\x07bell\n', 0]);
  });

  test.each([
    [['read', 'nowhere'], 'Create it: `cairn topic create nowhere`.', 1],
    [['read', 'orders', '--frm', '1'], 'See `cairn read --help`.', 2],
    [['reed'], 'See `cairn --help`.', 2],
    [
      ['append', 'orders', 'x', '--server', 'http://127.0.0.1:1'],
      'Start brokers with `cairn up`, or name one that runs: `--server`, or `servers` of the client.',
      69,
    ],
  ])('%j is one sentence with what to do next', async (args, next, exitCode) => {
    const [printed, code] = await typed(onTerminal(...args));

    expect([printed.split('\n').length, code]).toEqual([2, exitCode]);
    expect(printed.trimEnd()).toMatch(/^Cannot .* \(\w+\)\. /);
    expect(printed.trimEnd().endsWith(next)).toBe(true);
  });
});

test('a context stands for the brokers', async () => {
  const { CAIRN_SERVER: server = '', ...without } = env;
  const typeWithout = (...args: string[]): Promise<CairnRun> => cairnHere(args, { env: without });

  await typeWithout('context', 'add', 'test', '--server', server);

  expect((await typeWithout('read', 'orders', '-n', '1')).out).toBe('boots\n');
  expect((await typeWithout('read', 'orders', '-n', '1', '--context', 'test')).out).toBe('boots\n');
  await typeWithout('context', 'remove', 'test');
});

describe('completion', () => {
  /** Where `cairn` is this checkout. */
  function shellEnv(): Record<string, string> {
    const bin = path.join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(path.join(bin, 'cairn'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, { mode: 0o755 });
    // However busy the machine is.
    return { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: folder, TERM: 'xterm', CAIRN_COMPLETION_MS: '100000', ...env };
  }

  async function inShell(shell: string, script: string): Promise<string[]> {
    const child = spawn(shell, ['-c', script], { env: shellEnv() });
    const { code, out, err } = await ended(child);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return out.split('\n').filter((line) => line !== '');
  }

  const inBash = (typed: string): Promise<string[]> =>
    inShell(
      'bash',
      `source <(cairn completion bash); COMP_LINE='${typed}'; COMP_POINT=\${#COMP_LINE}; _cairn; printf '%s\\n' "\${COMPREPLY[@]}"`,
    );

  test('in bash', needsPrograms('bash'), async () => {
    expect(await inBash('cairn read or')).toEqual(['orders']);
    expect(await inBash('cairn read --server ')).toEqual([]);
    expect(await inBash('cairn append orders --level=q')).toEqual(['quorum']);
    expect(await inBash('cairn topic ')).toEqual(['create', 'list', 'describe', 'alter', 'delete']);
    expect(await inBash(`cairn read --token-file ${folder}/b`)).toEqual([`${folder}/bin`]);
  });

  test('in zsh', needsPrograms('zsh'), async () => {
    const script = `compdef() { :; }; _files() { print files; }; _describe() { print -l "\${(@P)2}"; }
      source <(cairn completion zsh); words=(cairn read or); CURRENT=3; _cairn`;

    expect(await inShell('zsh', script)).toEqual(['orders:topic']);
  });

  test('in fish', needsPrograms('fish'), async () => {
    expect(await inShell('fish', `cairn completion fish | source; complete -C 'cairn read or'`)).toEqual(['orders\ttopic']);
  });

  for (const [shell, interactive, setUp] of [
    ['bash', 'bash --norc --noprofile -i', 'source <(cairn completion bash)'],
    ['zsh', 'zsh -f -i', 'autoload -Uz compinit; compinit -u -D; source <(cairn completion zsh)'],
    ['fish', 'fish --no-config --interactive', 'cairn completion fish | source'],
  ] as const)
    test(`by the TAB key of ${shell}: what it has completed runs`, needsPrograms('script', shell), async () => {
      const child = spawn('script', ['-qec', interactive, '/dev/null'], { env: shellEnv() });
      let printed = '';
      child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
      const closed = once(child, 'close');

      child.stdin.write(`${setUp}; echo set-''up\n`);
      await expect.poll(() => printed).toMatch(/set-up\r?\n/);
      child.stdin.write('cairn read or\t');
      await expect.poll(() => printed).toContain('orders');
      child.stdin.write('-n 1\n');
      await expect.poll(() => printed).toContain('boots');
      child.stdin.write('exit\n');
      await closed;
    });
});
