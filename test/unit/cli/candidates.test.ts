import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeContexts } from '../../../src/cli/contexts.ts';
import { runCli } from '../../../src/cli/run-cli.ts';
import { type MemoryBroker, startMemoryBroker } from '../../support/memory-broker.ts';
import { fakeIo } from './fake-io.ts';

let broker: MemoryBroker;
let env: Record<string, string>;
let folder: string;
beforeAll(async () => {
  broker = await startMemoryBroker();
  folder = mkdtempSync(path.join(tmpdir(), 'cairn-candidates-'));
  env = { CAIRN_SERVER: broker.url, XDG_CONFIG_HOME: folder, CAIRN_COMPLETION_MS: '100000' };
  for (const topic of ['orders', 'orders.eu', 'clicks']) await broker.log.createTopic(topic, { retentionBytes: null });
  writeContexts(env, { current: null, contexts: { prod: { servers: 'http://127.0.0.1:1' }, here: { servers: broker.url } } });
});
afterAll(async () => {
  await broker.close();
  rmSync(folder, { recursive: true });
});

/** Names of topics are missing where the broker takes more than a second to tell them. */
async function wordsFor(...typed: string[]): Promise<string[]> {
  const { io, out } = fakeIo({ env });
  expect(await runCli(['completion', 'bash', '--', ...typed], io)).toBe(0);
  return out().split('\n').slice(0, -1);
}

describe('what may be typed next', () => {
  test.each([
    ['commands', ['sub'], ['subscriber', 'subscribe']],
    ['other names of commands', ['con'], ['consume', 'context']],
    ['subcommands', ['topic', 'de'], ['describe', 'delete']],
    ['options', ['read', '--fo'], ['--follow', '--format']],
    ['options behind an argument', ['consume', 'orders', '--la'], ['--last']],
    ['the choices of an option', ['append', 'orders', '--level', 'q'], ['quorum']],
    ['the choices behind =', ['append', 'orders', '--level=l'], ['--level=leader']],
    ['topics', ['read', 'or'], ['orders', 'orders.eu']],
    ['further topics', ['read', '-n', '3', 'clicks', 'or'], ['orders', 'orders.eu']],
    ['topics behind --', ['read', '--', 'cl'], ['clicks']],
    ['topics of a subcommand', ['topic', 'alter', 'cl'], ['clicks']],
    ['topics of an option', ['grep', 'x', '--topic', 'cl'], ['clicks']],
    ['contexts', ['read', '--context', ''], ['prod', 'here']],
    ['contexts of their command', ['context', 'use', 'p'], ['prod']],
    ['files', ['read', '--token-file', ''], [':files']],
    ['shells', ['completion', ''], ['bash', 'zsh', 'fish']],
    ['errors to explain', ['help', 'unknownT'], ['unknownTopic']],
    ['nothing for a text', ['append', 'orders', ''], []],
    ['nothing for a number', ['read', 'orders', '--max', ''], []],
    ['nothing for a new name', ['context', 'add', ''], []],
    ['nothing behind what is no command', ['raed', ''], []],
  ])('%s', async (_title, typed, words) => await expect.poll(() => wordsFor(...typed)).toEqual(words));

  test('are names of the brokers that the line means, and none where nobody answers', async () => {
    await expect.poll(() => wordsFor('read', '--context', 'here', 'cl')).toEqual(['clicks']);
    expect(await wordsFor('read', '--context', 'prod', 'cl')).toEqual([]);
    expect(await wordsFor('read', '--context', 'gone', 'cl')).toEqual([]);
  });
});

test('each shell is told in its own way', async () => {
  const told = async (shell: string): Promise<string> => {
    const { io, out } = fakeIo({ env });
    await runCli(['completion', shell, '--', 'read', '--fol'], io);
    return out();
  };

  expect(await told('bash')).toBe('--follow\n');
  expect(await told('zsh')).toBe('--follow:go on as new records come, from whichever broker answers\n');
  expect(await told('fish')).toBe('--follow\tgo on as new records come, from whichever broker answers\n');
});
