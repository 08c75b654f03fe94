import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LabBrokers } from '../../src/lab/rig/brokers.ts';
import { cairnHere, type CairnProcess, type CairnRun, ended, startCairn } from '../support/cairn.ts';

/** Commands typed at three real brokers, some of which die. */
let brokers: LabBrokers;
let env: Record<string, string>;

beforeAll(async () => {
  brokers = await LabBrokers.start({ count: 3, flags: { faultInjection: true } });
  env = { CAIRN_SERVER: brokers.urls.join(',') };
});
afterAll(() => brokers.end());

const type = (...args: string[]): Promise<CairnRun> => cairnHere(args, { env });

/** A new topic has none for a moment. */
async function leaderOf(topic: string): Promise<number> {
  const client = brokers.client();
  let leader: number | null = null;
  await expect.poll(async () => (leader = (await client.describeTopic(topic)).partition.leader)).not.toBeNull();
  client.close();
  return leader as unknown as number;
}

/** The brokers that say in these events, as `--json` prints them, that they have started. */
const startedOf = (out: string): number[] =>
  out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse((JSON.parse(line) as { value: string }).value) as { broker: number; event: string })
    .flatMap(({ broker, event }) => (event === 'started' ? [broker] : []));

describe('with all brokers', () => {
  test('an append is on the disks of a majority', async () => {
    const { code, out, err } = await type('append', 'log', 'hello');

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^Appended 1 record at offset \d+, on the disks of brokers \d, \d(, \d)?\n$/);
  });

  test('at level all it is on all disks', async () => {
    const { out } = await type('append', 'log', 'everywhere', '--level', 'all', '--json');

    expect((JSON.parse(out) as { ackedBy: number[] }).ackedBy.toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  test('the status is whole', async () => {
    let out = '';
    const whole = async (): Promise<{ code: number | null; err: string }> => {
      const typed = await type('status');
      out = typed.out;
      return { code: typed.code, err: typed.err };
    };

    // Groups elect their leaders one by one; on a busy machine the last one takes a moment, and a broker may answer late.
    await expect.poll(whole).toEqual({ code: 0, err: '' });

    expect(out.split('\n').slice(1, 4)).toEqual(
      [1, 2, 3].map((id) => expect.stringMatching(new RegExp(`^ +${id} +127\\.0\\.0\\.1:\\d+ +up `))),
    );
    expect(out).toMatch(/^log +broker \d +\d+ +\d+ .* 1:(leader|follows|-\d+) 2:\S+ 3:\S+$/m);
  });

  test('the brokers tell what happened to them', async () => {
    // Each tells that it has started; what it tells may be on its way to the leader.
    await expect
      .poll(async () => (await type('read', 'cairn.events', '--json', '--max', '100')).out)
      .toSatisfy((out: string) => new Set(startedOf(out)).size === 3);

    const { code, out, err } = await type('read', 'cairn.events', '--json', '--max', '3');

    expect({ code, err, lines: out.trimEnd().split('\n').length }).toEqual({ code: 0, err: '', lines: 3 });
  });
});

describe('an append that is killed in the middle and run again under its request id', () => {
  test('leaves every line once', async () => {
    await type('topic', 'create', 'resumed');
    const lines = Array.from({ length: 40_000 }, (_, i) => `line ${i} ${'x'.repeat(i % 50)}\n`);
    const run = (): CairnProcess => startCairn(['append', 'resumed', '-', '--request-id', 'job', '--json'], { env });
    // Half of the input comes, and neither more nor its end.
    const first = run();
    const firstEnd = ended(first);
    first.stdin.on('error', () => undefined);
    first.stdin.write(lines.slice(0, 20_000).join(''));
    const watch = brokers.client();
    await expect
      .poll(async () => (await watch.end({ topic: 'resumed', freshness: 'local' })).offset, { interval: 5 })
      .toBeGreaterThan(5000);
    watch.close();

    first.kill('SIGKILL');
    await firstEnd;
    const second = run();
    second.stdin.end(lines.join(''));
    const { code, out } = await ended(second);

    expect(code).toBe(0);
    const { appended, skipped } = JSON.parse(out) as { appended: number; skipped: number };
    expect(skipped).toBeGreaterThan(5000);
    expect(appended).toBeGreaterThan(0);
    expect(appended + skipped).toBe(lines.length);
    expect((await type('read', 'resumed', '--raw')).out === lines.join('')).toBe(true);
  });
});

describe('when the leader dies', () => {
  test('appending and following go on, and the status names it', async () => {
    await type('topic', 'create', 'survivor');
    const leader = await leaderOf('survivor');
    const others = brokers.ids.filter((id) => id !== leader);
    // Both talk to the one that will die.
    const order = [leader, ...others].map((id) => brokers.url(id)).join(',');
    const reader = startCairn(['read', 'survivor', '--follow', '--max', '300'], { env: { CAIRN_SERVER: order } });
    const read = ended(reader);
    const writer = startCairn(['append', 'survivor', '-'], { env: { CAIRN_SERVER: order } });
    const written = ended(writer);
    const lines = Array.from({ length: 300 }, (_, i) => `line ${i}\n`);
    writer.stdin.write(lines.slice(0, 100).join(''));
    await once(reader.stdout, 'data');

    writer.stdin.write(lines.slice(100, 200).join(''));
    await brokers.kill(leader);
    writer.stdin.end(lines.slice(200).join(''));

    expect(await written).toEqual({ code: 0, out: expect.stringMatching(/^Appended 300 lines, last offset \d+\n$/), err: '' });
    expect(await read).toMatchObject({ code: 0, out: lines.join('') });
    const status = await type('status');
    expect(status.code).toBe(1);
    expect(status.out).toMatch(new RegExp(`^ +${leader} +127\\.0\\.0\\.1:\\d+ +missing$`, 'm'));
    expect(status.out).toMatch(new RegExp(`^Problem: broker ${leader} \\(127\\.0\\.0\\.1:\\d+\\) does not answer(, and broker .*)?$`, 'm'));
    await brokers.restart(leader);
    await expect.poll(async () => (await type('status')).code).toBe(0);
  });
});

describe('a broker that acts as crashed', () => {
  test('is missing until it is recovered', async () => {
    expect(await type('fault', 'crash', '--broker', '2')).toEqual({
      code: 0,
      out: `Broker 2 (${brokers.url(2)}) acts as crashed\n`,
      err: '',
    });
    expect((await type('status')).out).toContain('Problem: broker 2 ');
    expect((await type('append', 'log', 'meanwhile')).code).toBe(0);

    expect(await type('fault', 'recover', '--broker', '2')).toEqual({
      code: 0,
      out: `Broker 2 (${brokers.url(2)}) takes part again\n`,
      err: '',
    });

    await expect.poll(async () => (await type('status')).code).toBe(0);
    expect(await type('fault', 'crash', '--broker', '9')).toMatchObject({
      code: 2,
      err: 'Cannot find broker 9: the cluster has brokers 1, 2, 3 (usage). See `cairn fault crash --help`.\n',
    });
  });
});

describe('faults by hand', () => {
  test('are made in the links of real brokers, are told, and end with heal', async () => {
    const pause = await type('fault', 'pause', '--broker', '2');
    expect(pause).toEqual({ code: 0, out: 'Paused: broker 2\n', err: '' });
    // Nobody hears it, but its clients do.
    await expect.poll(async () => (await type('status')).out).toMatch(/^ +2 +127\.0\.0\.1:\d+ +paused /m);
    expect((await type('append', 'log', 'meanwhile', '--server', brokers.url(1))).code).toBe(0);
    const metrics = await (await fetch(`${brokers.url(2)}/metrics`)).text();
    expect(metrics).toContain('cairn_faults{kind="pause"} 1\ncairn_faults{kind="partition"} 0\n');

    // Told over HTTP, so whom a pause or a partition cuts off takes it all the same.
    const partition = JSON.parse((await type('fault', 'partition', '3|2,1', '--json')).out) as object;
    expect(partition).toEqual({ fault: { action: 'partition', groups: [[3], [2, 1]] }, took: [1, 2, 3], missed: [] });
    await type('fault', 'crash', '--broker', '2');
    const delay = await type('fault', 'delay', '20', '--link', '1-2');
    expect({ code: delay.code, out: delay.out }).toEqual({
      code: 1,
      out: expect.stringMatching(/^Delayed: broker 1\nBroker 2 \(127\.0\.0\.1:\d+\) did not take it: .*\n$/),
    });
    await type('fault', 'recover', '--broker', '2');
    const status = JSON.parse((await type('status', '--json', '--server', brokers.url(1))).out) as { problems: string[] };
    expect(status.problems).toEqual(
      expect.arrayContaining([
        'broker 1: a partition by hand cuts it off from broker 3',
        'broker 1: what it sends to broker 2 waits 20 ms by hand',
        'broker 2: its links are paused by hand',
        'broker 3: a partition by hand cuts it off from brokers 1, 2',
      ]),
    );

    expect(await type('fault', 'heal')).toEqual({ code: 0, out: 'Healed: brokers 1, 2, 3\n', err: '' });
    await expect.poll(async () => (await type('status')).code).toBe(0);
  });

  test.each([
    [['pause', '--broker', '9'], 'Cannot find broker 9: the cluster has brokers 1, 2, 3 (usage). See `cairn fault pause --help`.\n'],
    [['partition', '1,2|3,2'], 'Cannot partition: broker 2 is named twice (usage). See `cairn fault partition --help`.\n'],
    [
      ['partition', '1|2'],
      'Cannot partition: each broker belongs in a group, and 3 is in none (usage). See `cairn fault partition --help`.\n',
    ],
    [
      ['delay', '5', '--link', '1-7'],
      'Cannot delay: there is no broker 7, the cluster has brokers 1, 2, 3 (usage). See `cairn fault delay --help`.\n',
    ],
    [['partition', '1,2|\u001b[31m'], expect.stringContaining('it is groups of brokers, as in 1,2|3')],
    [['delay', '3001'], expect.stringContaining('it is a whole number from 0 to 3000')],
  ])('that cannot be are refused before anybody is told: %j', async (args, sentence) => {
    expect(await type('fault', ...args)).toEqual({ code: 2, out: '', err: sentence });
  });
});
