import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exitCodes } from '../../src/base/errors.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { cairnHere } from '../support/cairn.ts';
import { type MemoryBroker, startMemoryBroker } from '../support/memory-broker.ts';
import { fakeIo } from '../unit/cli/fake-io.ts';

let broker: MemoryBroker;
const type = (...args: string[]) => cairnHere(args, { env: { CAIRN_SERVER: broker.url } });
const out = async (...args: string[]): Promise<string> => {
  const { code, out: text, err } = await type(...args);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return text;
};

beforeAll(async () => {
  broker = await startMemoryBroker();
  await out('topic', 'create', 'orders');
});
afterAll(() => broker.close());

test('two terminals: what one publishes the other pulls, once', async () => {
  expect(await out('publisher', 'create', 'till 1')).toBe('Created publisher "till 1"\n');
  expect(await out('publisher', 'create', 'till 1')).toBe('Publisher "till 1" exists already\n');
  expect(await out('subscriber', 'create', 'billing')).toBe('Created subscriber "billing"\n');
  expect(await out('subscribe', 'billing', 'orders')).toBe('Subscribed "billing" to orders, its cursor stands at offset 0\n');
  expect(await out('publish', 'till 1', 'orders', 'one', 'two')).toMatch(/^Appended 2 records/);
  const lines = await cairnHere(['publish', 'till 1', 'orders', '-'], { env: { CAIRN_SERVER: broker.url }, input: 'three\nfour\n' });
  expect(lines).toMatchObject({ code: 0, out: 'Appended 2 lines, last offset 3\n' });

  expect(await out('pull', 'billing', '--peek', '--max', '1')).toBe('one\n');
  expect(await out('pull', 'billing', '--max', '1')).toBe('one\n');
  expect(await out('pull', 'billing')).toBe('two\nthree\nfour\n');
  expect(await out('pull', 'billing')).toBe('');

  expect(await out('seek', 'billing', 'orders', '--from', '2', '--preview')).toBe(
    'orders, partition 0: from offset 4 to 2, 2 offsets would be pulled again\n',
  );
  expect(await out('seek', 'billing', 'orders', '--from', '2')).toMatch(/2 offsets are pulled again/);
  expect(JSON.parse((await out('pull', 'billing', '--json', '--max', '1')).trim())).toMatchObject({
    topic: 'orders',
    partition: 0,
    offset: 2,
    value: 'three',
  });
  expect(await out('ack', 'billing', 'orders', '4', '--metadata', 'a\u001b[31m')).toBe(
    'Subscriber "billing" has acknowledged orders below offset 4\n',
  );
  expect(await out('subscriber', 'describe', 'billing')).toMatch(/orders +0 +4 +4 +0 +0\.0 s +"a\\u001b\[31m"\n/);
  expect(await out('subscriber', 'list')).toMatch(/^SUBSCRIBER.*\n"billing" +1 /);
  expect(await out('unsubscribe', 'billing', 'orders')).toBe('Unsubscribed "billing" from orders\n');
  expect(await out('subscriber', 'delete', 'billing')).toBe('Deleted subscriber "billing"\n');
  expect(await out('publisher', 'delete', 'till 1')).toBe('Deleted publisher "till 1"\n');
});

test('what a subscriber cannot process comes again, is parked, looked at, and replayed or dropped when that is said', async () => {
  await out('topic', 'create', 'bills');
  await out('subscriber', 'create', 'till');
  await out('subscribe', 'till', 'bills');
  await out('append', 'bills', 'one', 'two', 'three');
  expect(await out('nack', 'till', 'bills', '1', '--reason', 'no customer')).toMatch(
    /^Offset 1 of bills for subscriber "till": it has failed 1 time and comes again at \d{4}-/,
  );
  for (let tries = 1; tries < 4; tries++) await out('nack', 'till', 'bills', '1', '--tries', String(tries), '--reason', 'no customer');
  expect(await out('pull', 'till')).toBe('three\n');
  await expect.poll(async () => (await type('parked', 'list', 'till')).err).toBe('1 parked record\n');
  const [, row = ''] = (await type('parked', 'list', 'till')).out.split('\n');
  expect(row).toMatch(/^ *\d+ +bills +0 +1 +4 times +\d{4}-\S+ +no customer$/);
  const id = row.trim().split(' ')[0] as string;
  expect(await out('parked', 'show', 'till', id, '--raw')).toBe('two');
  expect(await out('parked', 'show', 'till', id)).toMatch(/failed +4 times[^]*reason +no customer\nvalue +two\n$/);
  expect(JSON.parse(await out('parked', 'show', 'till', id, '--json'))).toMatchObject({
    topic: 'bills',
    offset: 1,
    tries: 4,
    value: 'two',
  });
  expect(await out('subscriber', 'describe', 'till')).toMatch(/^parked +1 record: cairn parked list "till"$/m);

  // Nothing but what is named, and without a question only where that is said.
  expect(await type('parked', 'replay', 'till')).toMatchObject({ code: exitCodes.usage });
  const unasked = await type('parked', 'drop', 'till', '--all');
  expect([unasked.code, unasked.err]).toEqual([
    exitCodes.usage,
    expect.stringMatching(/: 1 parked record of subscriber "till" \(1 of bills\) will be dropped \(usage\)/),
  ]);
  expect(await out('parked', 'replay', 'till', id)).toBe('1 parked record was replayed\n');
  expect(JSON.parse(await out('pull', 'till', '--json'))).toMatchObject({ offset: 1, value: 'two', tries: 1 });
  expect(await type('parked', 'list', 'till')).toMatchObject({ err: '0 parked records\n' });
  expect(await out('parked', 'drop', 'till', '--topic', 'bills', '--yes')).toBe('0 parked records were dropped\n');
  expect((await type('parked', 'show', 'till', id)).err).toMatch(/it has no such parked record \(notParked\)/);
});

test.each([
  [
    ['pull', 'nobody'],
    /^Cannot pull for subscriber "nobody": there is no such subscriber \(unknownSubscriber\)\. Create it: `cairn subscriber create nobody`\.\n$/,
  ],
  [
    ['publish', 'nobody', 'orders', 'x'],
    /^Cannot publish to topic "orders" as publisher "nobody": .*there is no such publisher \(unknownPublisher\)\. Create it: `cairn publisher create nobody`\.\n$/,
  ],
  [['seek', 'nobody', 'orders'], /^Cannot seek: neither --from nor --since says where to \(usage\)\. See `cairn seek --help`\.\n/],
  [['subscriber', 'create', 'a\tb'], /^Cannot create subscriber "a\\tb": an id is 1-255 bytes/],
])('cairn %j says what is wrong', async (args, said) => {
  const { code, err } = await type(...args);

  expect(code).not.toBe(0);
  expect(err).toMatch(said);
});

test('two workers share a subscriber: the second stands by until the first has ended, and whoever asks sees who holds what', async () => {
  await out('topic', 'create', 'shared');
  await out('subscriber', 'create', 'team');
  await out('subscribe', 'team', 'shared');
  await out('append', 'shared', 'one');
  const terminal = fakeIo({ env: { CAIRN_SERVER: broker.url } });
  const following = runCli(['pull', 'team', '--worker', 'first', '--follow'], terminal.io);
  await expect.poll(() => terminal.out()).toBe('one\n');
  // Whoever looks joins nothing.
  expect(await out('pull', 'team', '--peek')).toMatch(/^(one\n)?$/);
  expect(await type('pull', 'team', '--worker', 'second', '--peek')).toMatchObject({ code: exitCodes.usage, out: '' });
  expect(await type('pull', 'team', '--worker', 'second')).toEqual({
    code: 0,
    out: '',
    err: 'Worker "second" holds nothing for now and stands by: 2 workers share 1 partition\n',
  });
  expect(await out('subscriber', 'describe', 'team')).toMatch(
    /shared +0 .* "first" +\d{4}-[^]*WORKER +EPOCH +HOLDS[^]*"first" +\d+ +1 .* 30 s\n$/,
  );
  terminal.interrupt();
  expect(await following).toBe(exitCodes.interrupted);
  await out('append', 'shared', 'two');
  expect(await out('pull', 'team', '--worker', 'second', '--session', '5')).toMatch(/^(one\n)?two\n$/);
  expect(await out('pull', 'team')).toBe('');
  const { code, err } = await type('pull', 'team', '--session', '5');
  expect([code, err]).toEqual([
    exitCodes.usage,
    'Cannot pull: --session is of a worker, and there is no --worker (usage). See `cairn pull --help`.\n',
  ]);
});

test('a worker that was taken for dead while it followed joins again', async () => {
  await out('topic', 'create', 'ended');
  await out('subscriber', 'create', 'enders');
  await out('subscribe', 'enders', 'ended');
  await out('append', 'ended', 'one');
  const terminal = fakeIo({ env: { CAIRN_SERVER: broker.url } });
  const following = runCli(['pull', 'enders', '--worker', 'first', '--follow'], terminal.io);
  await expect.poll(() => terminal.out()).toBe('one\n');
  const workerNow = async () => {
    const { workers } = (await (await fetch(`${broker.url}/v1/subscribers/enders`)).json()) as { workers: { epoch: number }[] };
    return workers[0]?.epoch ?? 0;
  };
  const epoch = await workerNow();
  await fetch(`${broker.url}/v1/subscribers/enders/workers/first?epoch=${epoch}`, { method: 'DELETE' });
  await expect.poll(workerNow).toBeGreaterThan(epoch);
  await out('append', 'ended', 'two');
  await expect.poll(() => terminal.out()).toContain('two\n');
  terminal.interrupt();

  expect(await following).toBe(exitCodes.interrupted);
  // It has left, as the one that it was at last.
  expect(await workerNow()).toBe(0);
});

test('a follower prints what comes, and acknowledges it', async () => {
  await out('subscriber', 'create', 'follower');
  await out('subscribe', 'follower', 'orders', '--from', 'end');
  const terminal = fakeIo({ env: { CAIRN_SERVER: broker.url } });
  const following = runCli(['pull', 'follower', '--follow'], terminal.io);
  await out('append', 'orders', 'news');
  await expect.poll(() => terminal.out()).toBe('news\n');
  // With the pull that waits for more.
  await expect.poll(() => out('subscriber', 'describe', 'follower')).toMatch(/orders +0 +\d+ +\d+ +0 /);
  terminal.interrupt();

  expect(await following).toBe(exitCodes.interrupted);
});

test('a follower goes on where somebody has put the cursor while it wrote', async () => {
  await out('topic', 'create', 'sought');
  await out('subscriber', 'create', 'seeker');
  await out('subscribe', 'seeker', 'sought');
  // More than is written ahead of who reads it.
  const long = 'x'.repeat(600_000);
  await out('append', 'sought', long, 'two');
  const terminal = fakeIo({ env: { CAIRN_SERVER: broker.url } });
  const written: string[] = [];
  let goOn = (): void => undefined;
  const slowly = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk.toString());
      if (written.length === 1) goOn = done;
      else done();
    },
  });
  const following = runCli(['pull', 'seeker', '--follow'], { ...terminal.io, stdout: slowly });
  await expect.poll(() => written).toEqual([`${long}\ntwo\n`]);

  await out('seek', 'seeker', 'sought', '--from', '1');
  goOn();

  await expect.poll(() => written).toEqual([`${long}\ntwo\n`, 'two\n']);
  terminal.interrupt();
  expect([await following, terminal.err()]).toEqual([exitCodes.interrupted, '']);
});
