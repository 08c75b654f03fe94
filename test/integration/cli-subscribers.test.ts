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
  expect(await out('ack', 'billing', 'orders', '4')).toBe('Subscriber "billing" has acknowledged orders below offset 4\n');
  expect(await out('subscriber', 'describe', 'billing')).toMatch(/orders +0 +4 +4 +0 +0\.0 s/);
  expect(await out('subscriber', 'list')).toMatch(/^SUBSCRIBER.*\n"billing" +1 /);
  expect(await out('unsubscribe', 'billing', 'orders')).toBe('Unsubscribed "billing" from orders\n');
  expect(await out('subscriber', 'delete', 'billing')).toBe('Deleted subscriber "billing"\n');
  expect(await out('publisher', 'delete', 'till 1')).toBe('Deleted publisher "till 1"\n');
});

test.each([
  [['pull', 'nobody'], /^Cannot pull for subscriber "nobody": there is no such subscriber\n$/],
  [['publish', 'nobody', 'orders', 'x'], /^Cannot publish to topic "orders" as publisher "nobody": .*there is no such publisher\n$/],
  [['seek', 'nobody', 'orders'], /^Cannot seek: neither --from nor --since says where to\n/],
  [['subscriber', 'create', 'a\tb'], /^Cannot create subscriber "a\\tb": an id is 1-255 bytes/],
])('cairn %j says what is wrong', async (args, said) => {
  const { code, err } = await type(...args);

  expect(code).not.toBe(0);
  expect(err).toMatch(said);
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
