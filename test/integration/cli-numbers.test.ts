// Numbers at the edges that the command line takes, as the brokers' gateway meets them: a sentence and an exit code, whatever they are.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exitCodes } from '../../src/base/errors.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { type MemoryBroker, startMemoryBroker } from '../support/memory-broker.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

let broker: MemoryBroker;

beforeAll(async () => {
  broker = await startMemoryBroker({ faultInjection: true });
});
afterAll(() => broker.close());

const numbers = ['0', '1', '65536', 2 ** 31 - 1, 2 ** 31, 2 ** 48, 2 ** 52, 2 ** 52 + 1, 2 ** 53 - 1].map(String);

test.each([
  ['read', 'log', '--from='],
  ['read', 'log', '--max='],
  ['read', 'log', '--partition='],
  ['read', 'log', '--since='],
  ['append', 'log', 'x', '--partition='],
  ['append', 'log', 'x', '--expected-offset='],
  ['append', 'log', 'x', '--timeout='],
  ['topic', 'create', 'sized', '--retention-bytes='],
  ['fault', 'status', '--broker='],
])('cairn %s %s %s', async (...words) => {
  const codes = new Set<number>();
  for (const number of [...numbers, ...(words.at(-1) === '--since=' ? ['1s', '999999d', '9'.repeat(16), '0001-01-01'] : [])]) {
    const { io, err } = fakeIo({ env: { CAIRN_SERVER: broker.url } });
    const args = [...words.slice(0, -1), `${words.at(-1) as string}${number}`];

    const code = await runCli(args, io);

    expect(err(), args.join(' ')).toMatch(code === exitCodes.ok ? /^$/ : /^Cannot [^\n]+\n$/);
    expect(Object.values(exitCodes).filter((known) => known !== exitCodes.software)).toContain(code);
    codes.add(code);
  }

  expect(codes.size).toBeGreaterThan(0);
});
