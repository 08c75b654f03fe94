import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConnectOptions } from '../../../src/cli/connect-options.ts';
import { runCli } from '../../../src/cli/run-cli.ts';
import { fakeIo } from './fake-io.ts';

let folder: string;
let env: Record<string, string>;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-contexts-'));
  env = { XDG_CONFIG_HOME: folder, HOME: '/nowhere' };
  file = path.join(folder, 'cairn', 'contexts.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

async function type(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { io, out, err } = fakeIo({ env });
  const code = await runCli(args, io);
  return { code, out: out(), err: err() };
}

const serversWith = (options: Parameters<typeof readConnectOptions>[0], more: Record<string, string> = {}) => {
  const { servers, token } = readConnectOptions(options, fakeIo({ env: { ...env, ...more } }).io);
  return [servers.join(','), token];
};

async function addTwo(): Promise<void> {
  writeFileSync(path.join(folder, 'token'), 'secret\n');
  await type('context', 'add', 'local', '--server', 'a:1');
  await type('context', 'add', 'prod', '--server', 'https://b:2, c:3', '--token-file', path.join(folder, 'token'));
}

describe('contexts', () => {
  test('are added, listed, used and removed', async () => {
    expect((await type('context', 'add', 'local', '--server', 'a:1')).out).toBe('Added context "local", and it is in use\n');
    expect((await type('context', 'add', 'prod', '--server', 'b:2')).out).toBe('Added context "prod"\n');
    expect((await type('context', 'use', 'prod')).out).toBe('Context "prod" is in use\n');
    expect(JSON.parse((await type('context', 'list', '--json')).out)).toEqual([
      { name: 'local', current: false, servers: 'a:1' },
      { name: 'prod', current: true, servers: 'b:2' },
    ]);
    expect((await type('context', 'list')).out).toMatch(/^ +CONTEXT +SERVERS.*\n +local +a:1\n\* +prod +b:2\n$/);
    expect((await type('context', 'remove', 'prod')).out).toBe('Removed context "prod", and none is in use now\n');
    expect((await type('context', 'use')).out).toBe('No context is in use\n');
  });

  test('are kept for their user alone', async () => {
    await type('context', 'add', 'local', '--server', 'a:1');

    expect([statSync(file).mode & 0o777, statSync(path.dirname(file)).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(readFileSync(file, 'utf8')).not.toContain('secret');
    chmodSync(file, 0o620);
    expect(await type('context', 'list')).toMatchObject({ code: 78, err: expect.stringContaining('others than you may write it') });
  });

  test.each([
    [['add', 'a b', '--server', 'a:1'], 2, 'its name is 1 to 64 characters'],
    [['add', 'x', '--server', 'ftp://a'], 2, 'Cannot use "ftp://a" as a server'],
    [['add', 'x', '--server', ','], 2, 'no server is named'],
    [['add', 'x', '--server', 'a:1', '--token-file', '/nowhere/token'], 2, 'there is no such file'],
    [['add', 'local', '--server', 'a:1'], 2, 'there is one, --replace replaces it'],
    [['use', 'test'], 2, 'there is no such context, there are local'],
    [['remove', 'toString'], 2, 'there is no such context'],
  ])('%j is refused', async (args, code, message) => {
    await type('context', 'add', 'local', '--server', 'a:1');

    const run = await type('context', ...args);

    expect(run).toMatchObject({ code, out: '', err: expect.stringContaining(message) });
  });

  test.each(['', 'no json', '{}', '{"contexts":{"a":{}}}', '{"contexts":{},"current":"a"}', '{"contexts":{"a b":{"servers":"x"}}}'])(
    'a file that holds %j is named',
    async (text) => {
      await type('context', 'add', 'local', '--server', 'a:1');
      writeFileSync(file, text);

      expect(await type('status')).toMatchObject({ code: 78, err: expect.stringContaining(`Cannot use the contexts in ${file}: `) });
    },
  );
});

describe('whom a command asks', () => {
  test('is the context in use, with its token', async () => {
    await addTwo();

    expect(serversWith({})).toEqual(['a:1', null]);
    await type('context', 'use', 'prod');
    expect(serversWith({})).toEqual(['https://b:2,c:3', 'secret']);
  });

  test('is the context that is named, by the option before the environment', async () => {
    await addTwo();

    expect(serversWith({}, { CAIRN_CONTEXT: 'prod' })).toEqual(['https://b:2,c:3', 'secret']);
    expect(serversWith({ context: 'local' }, { CAIRN_CONTEXT: 'prod' })).toEqual(['a:1', null]);
    expect(serversWith({ context: 'local' }, { CAIRN_SERVER: 'd:4' })).toEqual(['a:1', null]);
    expect(() => serversWith({ context: 'none' })).toThrow('there is no such context, there are local, prod');
  });

  test('is a server that is named by itself, which is not given the token of a context', async () => {
    await addTwo();
    await type('context', 'use', 'prod');

    expect(serversWith({ server: 'd:4' })).toEqual(['d:4', null]);
    expect(serversWith({}, { CAIRN_SERVER: 'd:4' })).toEqual(['d:4', null]);
    expect(() => serversWith({ server: 'd:4', context: 'prod' })).toThrow('--server and --context exclude each other');
  });

  test('is this machine where there is no context, and no home', () => {
    expect(serversWith({})).toEqual(['http://127.0.0.1:8000', null]);
    expect(serversWith({}, { XDG_CONFIG_HOME: '', HOME: '' })).toEqual(['http://127.0.0.1:8000', null]);
  });
});
