import { describe, expect, test } from 'vitest';
import { registry } from '../../../src/cli/registry.ts';
import { type ErrorCode, errorCatalogue } from '../../../src/base/errors.ts';
import { reportError } from '../../../src/cli/report-error.ts';
import { runCli } from '../../../src/cli/run-cli.ts';
import type { TransportFailure } from '../../../src/client/failure.ts';
import { TransportError } from '../../../src/client/transport.ts';
import { LogError } from '../../../src/eventlog/index.ts';
import { fakeIo } from './fake-io.ts';

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { io, out, err } = fakeIo({ env: { CAIRN_SERVER: 'http://127.0.0.1:1' } });
  const code = await runCli(args, io);
  return { code, out: out(), err: err() };
}

describe('a wrong command line is one sentence and exit code 2', () => {
  test.each([
    [['apend', 'log'], "Cannot run cairn: unknown command 'apend', did you mean append?"],
    [['a\nb\x1b[2J'], "Cannot run cairn: unknown command 'a\\x0ab\\x1b[2J'"],
    [['--verbose'], "Cannot run cairn: unknown option '--verbose'"],
    [['read'], "Cannot run cairn read: missing required argument 'topic'"],
    [['explain', 'a', 'b'], 'Cannot run cairn explain: too many arguments, expected 1 but got a, b'],
    [['read', 'log', '--folow'], "Cannot run cairn read: unknown option '--folow', did you mean --follow?"],
    [
      ['read', 'log', '--from', '-0'],
      'Cannot run cairn read: option \'-o, --from <offset>\' argument \'-0\' is invalid: it is an offset from 0 on, "start", "end", or -10 for the last ten',
    ],
    [
      ['read', 'log', '--max', '0'],
      "Cannot run cairn read: option '-n, --max <count>' argument '0' is invalid: it is a whole number from 1 on",
    ],
    [['read', 'log', '--from', '1', '--since', '1h'], 'Cannot read: --from and --since exclude each other'],
    [['read', 'log', '--format', '%v', '--keys'], 'Cannot read: --format and --keys exclude each other'],
    [['topic'], 'Cannot run cairn topic: no command is given'],
    [['topic', 'remove', 'x'], "Cannot run cairn topic: unknown command 'remove'"],
    [
      ['append', 'log', '-', '--expected-offset', '3'],
      'Cannot append standard input with --expected-offset: it may take more than one batch',
    ],
    [['append', 'log', 'x', '--request-id', 'a b'], 'Cannot use this request id: it is 1 to 255 visible ASCII characters without spaces'],
    [['append', 'log', 'x', '--server', 'ftp://a'], 'Cannot use "ftp://a" as a server: only http and https are spoken'],
    [['append', 'log', 'x', '--server', ','], 'Cannot connect: no server is named'],
    [
      ['completion', 'csh'],
      "Cannot run cairn completion: command-argument value 'csh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish",
    ],
    [
      ['lab', 'clocks', '--rates', '1,0,2'],
      "Cannot run cairn lab clocks: option '--rates <list>' argument '1,0,2' is invalid: it is a list of whole numbers from 1 to 1000, and \"0\" is none",
    ],
    [
      ['lab', 'clocks', '--rates', '1,2'],
      "Cannot run cairn lab clocks: option '--rates <list>' argument '1,2' is invalid: it is a list of 3 to 8 rates, not of 2",
    ],
    [
      ['lab', 'clocks', '--machines', '2'],
      "Cannot run cairn lab clocks: option '--machines <count>' argument '2' is invalid: it is a whole number from 3 to 8",
    ],
    [
      ['lab', 'clocks', '--range', '2'],
      "Cannot run cairn lab clocks: option '--range <number>' argument '2' is invalid: it is a whole number from 3 to 1000000",
    ],
    [
      ['lab', 'clocks', '--listen', '127.0.0.1:7001,127.0.0.1:70000,127.0.0.1:7003'],
      "Cannot run cairn lab clocks: option '--listen <host:port,...>' argument '127.0.0.1:7001,127.0.0.1:70000,127.0.0.1:7003' is invalid: it is a list of places such as 127.0.0.1:7001, and \"127.0.0.1:70000\" is none",
    ],
    [
      ['lab', 'clocks', '--listen', '10.0.0.1:7001'],
      "Cannot run cairn lab clocks: option '--listen <host:port,...>' argument '10.0.0.1:7001' is invalid: it is a list of places on this computer, and \"10.0.0.1:7001\" is none",
    ],
    [
      ['lab', 'clocks', '--listen', '127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7001'],
      'Cannot run the lab: two machines do not listen at 127.0.0.1:7001',
    ],
    [
      ['trace', 'diagram', 'run.ndjson', '-o', 'run.png'],
      "Cannot run cairn trace diagram: option '-o, --output <file>' argument 'run.png' is invalid: it is a file that ends in .svg or .html",
    ],
    [['help', 'me'], 'Cannot help with "me": it is neither a command, an error code, "errors" nor "exit-codes"'],
  ])('cairn %j', async (args, sentence) => {
    const known = registry.some(({ name }) => name === args[0]) ? ` ${args[0] ?? ''}` : '';
    const below = ['clocks', 'diagram'].includes(args[1] ?? '') ? ` ${args[1] ?? ''}` : '';

    expect(await run(...args)).toEqual({ code: 2, out: '', err: `${sentence} (usage). See \`cairn${known}${below} --help\`.\n` });
  });

  test('what was typed is not obeyed by the terminal', async () => {
    expect((await run('\x1b[31mred')).err).toBe("Cannot run cairn: unknown command '\\x1b[31mred' (usage). See `cairn --help`.\n");
  });
});

test('no broker is one sentence and exit code 69', async () => {
  expect(await run('status')).toEqual({
    code: 69,
    out: '',
    err: 'Cannot list the brokers: http://127.0.0.1:1: connection refused (unreachable). Start brokers with `cairn up`, or name one that runs: `--server`, or `servers` of the client.\n',
  });
});

describe('an error says its code and what to do next', () => {
  const said = (error: LogError, ...typed: string[]): string => {
    const { io, err } = fakeIo();
    reportError(error, typed, null, io);
    return err();
  };

  test.each([
    ['away', 'Cannot (unreachable). Start brokers with `cairn up`, or name one that runs: `--server`, or `servers` of the client.\n'],
    ['untrusted', 'Cannot (unreachable). Name the certificates to trust with --ca-file.\n'],
    ['other', 'Cannot (unreachable). See `cairn help unreachable`.\n'],
  ] as const)('of a connection that failed: %s', (failure: TransportFailure, text) => {
    expect(said(new LogError('unreachable', 'Cannot', {}, { cause: new TransportError(false, 'reason', failure) }))).toBe(text);
  });

  test('with the name in its place, where it can be typed', () => {
    expect(said(new LogError('unknownTopic', 'Cannot read topic "orders": there is none'))).toContain(
      'Create it: `cairn topic create orders`.',
    );
    expect(said(new LogError('unknownSubscriber', 'Cannot pull for subscriber "till 1": there is none'))).toContain(
      '`cairn subscriber create NAME`.',
    );
  });

  test('and the error itself says it where it knows better', () => {
    expect(said(new LogError('timeout', 'Cannot', { next: 'Wait.' }))).toBe('Cannot (timeout). Wait.\n');
    expect(said(new LogError('interrupted', 'Stopped', { next: 'Go on.' }))).toBe('Stopped. Go on.\n');
    expect(said(new LogError('interrupted', 'Stopped'))).toBe('Stopped\n');
  });

  test('to a program as an object', () => {
    const text = said(new LogError('timeout', 'Can\u202enot', { offset: 3, next: 'Wait.' }), 'append', 'log', 'x', '--json');

    expect(text).not.toContain('\u202e');
    expect(JSON.parse(text)).toEqual({
      error: { offset: 3, code: 'timeout', message: 'Can\u202enot', definite: false, retriable: true, next: 'Wait.' },
    });
    expect(said(new LogError('timeout', 'Cannot'), 'append', 'log', '--', '--json')).toMatch(/^Cannot \(timeout\)\. /);
  });

  test('to whoever typed --json, on stderr', async () => {
    const { code, out, err } = await run('read', 'log', '--raw', '--json');

    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(JSON.parse(err)).toMatchObject({ error: { code: 'usage', message: 'Cannot read: --raw and --json exclude each other' } });
  });

  test('whatever the error is', () => {
    for (const code of (Object.keys(errorCatalogue) as ErrorCode[]).filter((each) => each !== 'interrupted'))
      expect(said(new LogError(code, 'Cannot'), 'read')).toMatch(new RegExp(`^Cannot \\(${code}\\)\\. [A-Z].*\\.\n$`));
  });
});

test('the version is that of the package', async () => {
  expect(await run('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^cairn \d+\.\d+\.\d+\n$/), err: '' });
});

describe('help', () => {
  test('without a command lists every command', async () => {
    const { code, out } = await run();

    expect(code).toBe(0);
    for (const { name, summary } of registry) expect(out).toMatch(new RegExp(`^  ${name} +${summary.slice(0, 20)}`, 'm'));
    expect((await run('help')).out).toBe(out);
    expect((await run('--help')).out).toBe(out);
  });

  test.each(registry.map(({ name }) => name))('of %s has examples, and is the same either way', async (name) => {
    const { code, out, err } = await run(name, '--help');

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Usage: cairn ${name}`);
    expect(out).toMatch(/\n(Examples|Commands):\n {2}/);
    expect(name === 'help' ? out : (await run('help', name)).out).toBe(out);
  });

  test('of an error says what it means, what to do and whether it is definite', async () => {
    const { out } = await run('help', 'timeout');

    expect(out).toMatch(/^timeout: .+\n.+\nNot definite: .+\nHTTP 504, exit code 75\.\n$/);
  });
});
