import { spawnSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { LogError } from '../../src/eventlog/index.ts';
import { parseJson, writeJson } from '../../src/gateway/cs550/python-json.ts';
import { askPort, startWire, type TestWire } from '../support/cs550-gateway.ts';
import { needsPrograms } from '../support/needs.ts';

let wire: TestWire | null = null;
afterEach(() => wire?.close());

async function start(options: Parameters<typeof startWire>[0] = {}): Promise<TestWire> {
  wire = await startWire(options);
  return wire;
}

const newsHome = "['101', '110', '000']";

/** Why a connection was refused; what came instead of that. */
const refusalOf = (port: number): Promise<string> =>
  askPort(port, '{}').catch((error: NodeJS.ErrnoException) => error.code ?? error.message);

/** Everything that comes until the connection ends, and whether it was broken off. */
function collect(socket: Socket): Promise<{ readonly text: string; readonly isReset: boolean }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let isReset = false;
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => {
      isReset = true;
    });
    socket.on('close', () => resolve({ text: Buffer.concat(chunks).toString('utf8'), isReset }));
  });
}

describe('the old wire', () => {
  test('answers each request letter by letter', async () => {
    const { ask, lines } = await start();
    const steps: readonly [unknown, string][] = [
      [{ action: 'create_publisher', publisher_id: 'p' }, "Publisher ID 'p' created."],
      [{ action: 'create_publisher', publisher_id: 'p' }, "Publisher ID 'p' already exists."],
      [{ action: 'create_subscriber', subscriber_id: 's' }, "Subscriber ID 's' created."],
      [{ action: 'create_subscriber', subscriber_id: 's' }, "Subscriber ID 's' already exists."],
      [{ action: 'publish', publisher_id: 'p', topic: 'news', content: 'early' }, "Topic 'news' not found."],
      [{ action: 'pull', subscriber_id: 's', topic: 'news' }, "Topic 'news' not found."],
      [{ action: 'replica_pull', subscriber_id: 's', topic: 'news' }, "Topic 'news' not found."],
      [{ action: 'delete_topic', publisher_id: 'p', topic: 'news' }, "Topic 'news' not found."],
      [{ action: 'subscribe', subscriber_id: 's', topic: 'news' }, "Subscriber ID 's' not found or topic 'news' not found."],
      [
        { action: 'create_topic', publisher_id: 'p', topic_name: 'news' },
        `Topic has been successfully created on 100 and all the replicas has been stored into neighbors ${newsHome}`,
      ],
      [{ action: 'replica_pull', subscriber_id: 's', topic: 'news' }, '{"original_node": "100", "message": null}'],
      [
        { action: 'publish', publisher_id: 'never', topic: 'news', content: 'eins 😀' },
        `Message published to 'news' and the replicas ${newsHome}.`,
      ],
      [{ action: 'create_topic', publisher_id: 'p', topic: 'news' }, "Topic 'news' already exists."],
      [{ action: 'subscribe', subscriber_id: 'nobody', topic: 'news' }, "Subscriber ID 'nobody' not found or topic 'news' not found."],
      [{ action: 'pull', subscriber_id: 'nobody', topic: 'news' }, '["eins \\ud83d\\ude00"]'],
      [{ action: 'pull', subscriber_id: 's', topic: 'news' }, '["eins \\ud83d\\ude00"]'],
      [{ action: 'replica_subscribe', subscriber_id: 's', topic: 'news' }, "Subscriber ID 's' subscribed to 'news'."],
      [{ action: 'pull', subscriber_id: 's', topic: 'news' }, '["eins \\ud83d\\ude00"]'],
      [{ action: 'subscribe', subscriber_id: 's', topic: 'news' }, "Subscriber ID 's' subscribed to 'news'."],
      [{ action: 'pull', subscriber_id: 's', topic: 'news' }, '[]'],
      [
        { action: 'replica_pull', publisher_id: 'p', topic: 'news', content: { b: [1.0, null] } },
        `Message published to 'news' and the replicas ${newsHome}.`,
      ],
      [{ action: 'replica_pull', subscriber_id: 's', topic: 'news' }, '{"original_node": "100", "message": {"b": [1, null]}}'],
      [{ action: 'replica_pull', subscriber_id: 'x', topic: 'news' }, '{"original_node": "100", "message": {"b": [1, null]}}'],
      [{ action: 'pull', subscriber_id: 's', topic: 'news' }, '[{"b": [1, null]}]'],
      [{ action: 'replica_pull', publisher_id: 'p', topic: 'news' }, 'Invalid action'],
      [{ action: 'nothing' }, 'Invalid action'],
      [
        { action: 'delete_topic', publisher_id: 'p', topic: 'news' },
        `Topic has been successfully deleted on 100 and all the replicas has been deleted from the neighbors ${newsHome}`,
      ],
      [{ action: 'pull', subscriber_id: 's', topic: 'news' }, "Topic 'news' not found."],
    ];

    for (const [request, expected] of steps) expect(await ask(request)).toBe(expected);

    expect(lines[0]).toMatch(/^\[Node 100\] \[[^\]]+\] Neighbors: \['101', '110', '000'\]\n$/);
    expect(lines[2]).toMatch(
      /^\[Node 100\] \[[^\]]+\] Received message from client: \{"action":"create_publisher","publisher_id":"p"\}\n$/,
    );
    expect(lines[3]).toMatch(/^\[Node 100\] \[[^\]]+\] Response to client: Publisher ID 'p' created\.\n$/);
  });

  test('topics of any name are apart from Cairn’s own, and placed by what they are called', async () => {
    const { ask, log } = await start();
    const names = ['log', 'cairn.events', '', ' ', '../..', 'ü', '\ud800', 'x'.repeat(5000)];

    for (const topic of names) {
      expect(await ask({ action: 'create_topic', topic })).toMatch(/^Topic has been successfully created on [01]{3} /);
      await ask({ action: 'publish', topic, content: topic });
      expect(await ask({ action: 'pull', subscriber_id: 's', topic })).toBe(writeJson([topic]));
    }

    const { topics } = await log.listTopics({ prefix: 'cs550', after: '', limit: 100 });
    expect(new Set(topics.map(({ settings }) => settings.originalName))).toEqual(new Set(names));
    expect(topics.every(({ settings }) => settings.replicas === 4)).toBe(true);
  });

  test('a topic of several partitions takes and gives messages too', async () => {
    const { ask, log } = await start();
    await log.createTopic('news', { retentionBytes: null, partitions: 3 });
    await ask({ action: 'create_subscriber', subscriber_id: 's' });
    await ask({ action: 'subscribe', subscriber_id: 's', topic: 'news' });

    for (const content of ['a', 'b', 'c', 'd']) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      expect(await ask({ action: 'publish', topic: 'news', content })).toContain('published');
    }

    const sorted = (json: string): string[] => (JSON.parse(json) as string[]).toSorted();
    expect(sorted(await ask({ action: 'pull', subscriber_id: 'x', topic: 'news' }))).toEqual(['a', 'b', 'c', 'd']);
    expect(sorted(await ask({ action: 'pull', subscriber_id: 's', topic: 'news' }))).toEqual(['a', 'b', 'c', 'd']);
    expect(await ask({ action: 'pull', subscriber_id: 's', topic: 'news' })).toBe('[]');
    expect(await ask({ action: 'replica_pull', subscriber_id: 's', topic: 'news' })).toBe('{"original_node": "100", "message": "d"}');
    expect((await log.describeTopic('news')).partitions?.map(({ endOffset }) => endOffset)).toEqual([2, 1, 1]);
  });

  test('takes a request in pieces, and one of a megabyte, and gives answers of many megabytes', async () => {
    const { ask, gateway } = await start();
    await ask({ action: 'create_topic', topic: 'news' });
    const content = 'x'.repeat(1024 * 1024 - 200);
    const request = Buffer.from(JSON.stringify({ action: 'publish', topic: 'news', content }));
    const socket = connect(gateway.port, '127.0.0.1');
    const answer = collect(socket);
    socket.setNoDelay(true);
    for (const byte of request.subarray(0, 30)) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.write(request.subarray(30));

    expect((await answer).text).toBe(`Message published to 'news' and the replicas ${newsHome}.`);
    for (let more = 0; more < 5; more++) await ask({ action: 'publish', topic: 'news', content });
    expect(await ask({ action: 'pull', subscriber_id: 's', topic: 'news' })).toBe(writeJson(Array.from({ length: 6 }, () => content)));
  });

  test('what is no request, too long, or half of one is answered, and what follows a request is dropped', async () => {
    const { askText, gateway } = await start({ settings: { requestBytesMax: 10_000, requestTimeoutMs: 50 } });
    const invalid = 'Invalid JSON format.';

    expect(await askText('hello')).toBe(invalid);
    expect(await askText('[1]')).toBe(invalid);
    expect(await askText('{"action": }')).toBe(invalid);
    expect(await askText(`{"action": "${'x'.repeat(20_000)}`)).toBe(invalid);
    // Late: nothing more comes.
    expect(await askText('{"action": "pull"')).toBe(invalid);
    expect(await askText('')).toBe(invalid);
    const half = connect(gateway.port, '127.0.0.1', () => half.end('{"action"'));
    expect((await collect(half)).text).toBe(invalid);
    const followed = connect(gateway.port, '127.0.0.1', () => followed.write(`{"action": "x"}${'y'.repeat(500_000)}`));
    expect(await collect(followed)).toEqual({ text: 'Invalid action', isReset: false });
  });

  test('a request that meets an election waits for its end, and says so where that does not come', async () => {
    let refusals = 3;
    const { log } = await start();
    wire?.close();
    const noLeader = new LogError('noLeader', 'Cannot create topic "news": nobody leads the catalog');
    const createTopic: typeof log.createTopic = (name, settings) =>
      refusals-- > 0 ? Promise.reject(noLeader) : log.createTopic(name, settings);
    const { ask } = await start({ log: { ...log, createTopic }, settings: { electionWaitMs: 1000 } });

    expect(await ask({ action: 'create_topic', topic: 'news' })).toContain('successfully created on 100');
    refusals = Number.POSITIVE_INFINITY;
    expect(await ask({ action: 'create_topic', topic: 'other' })).toBe(noLeader.message);
  });

  test('a create or delete whose end nobody knew is done once', async () => {
    const { log } = await start();
    wire?.close();
    const timeout = new LogError('timeout', 'Cannot say');
    const createTopic: typeof log.createTopic = async (name, settings) => {
      await log.createTopic(name, settings);
      throw timeout;
    };
    const deleteTopic: typeof log.deleteTopic = async (name) => {
      await log.deleteTopic(name);
      throw timeout;
    };
    const { ask } = await start({ log: { ...log, createTopic, deleteTopic } });

    expect(await ask({ action: 'create_topic', topic: 'news' })).toContain('successfully created on 100');
    expect(await ask({ action: 'create_topic', topic: 'news' })).toBe("Topic 'news' already exists.");
    expect(await ask({ action: 'delete_topic', topic: 'news' })).toContain('successfully deleted on 100');
  });

  test('whoever does not send makes room, and whoever does not read is cut off', async () => {
    const { ask, gateway } = await start({ settings: { connectionsMax: 3, answerIdleMs: 100 } });
    await ask({ action: 'create_topic', topic: 'news' });
    for (let more = 0; more < 12; more++) await ask({ action: 'publish', topic: 'news', content: 'x'.repeat(1_000_000) });
    const silent = Array.from({ length: 3 }, () => connect(gateway.port, '127.0.0.1'));
    const first = collect(silent[0] as Socket);
    await Promise.all(silent.map((socket) => new Promise<void>((resolve) => void socket.once('connect', resolve))));

    expect(await ask({ action: 'nothing' })).toBe('Invalid action');
    await first;
    for (const socket of silent) socket.destroy();
    const deaf = connect(gateway.port, '127.0.0.1', () => deaf.write('{"action": "pull", "subscriber_id": "s", "topic": "news"}'));
    deaf.pause();
    await expect.poll(() => gateway.connectionCount).toBe(1);
    await expect.poll(() => gateway.connectionCount).toBe(0);
    deaf.destroy();
  });

  test('so many bytes are held and no more', async () => {
    const { ask, gateway } = await start({ settings: { heldBytesMax: 300_000 } });
    const slow = connect(gateway.port, '127.0.0.1', () => slow.write(`{"action": "${'x'.repeat(290_000)}`));
    await expect.poll(() => slow.bytesWritten).toBeGreaterThan(290_000);

    await expect.poll(() => ask({ action: 'create_publisher', publisher_id: 'x'.repeat(50_000) })).toContain('too much is asked');
    slow.destroy();
    await expect.poll(() => ask({ action: 'create_publisher', publisher_id: 'x'.repeat(50_000) })).toContain('created.');
  });
});

describe('a node that is stopped', () => {
  test('is gone before its answer is there, and comes back', async () => {
    const { ask, gateway, memory, lines } = await start({ settings: { stoppedMs: 200 } });
    const { port } = gateway;

    expect(await ask({ action: 'stop_node', flag: true })).toBe('Node has been failed');
    expect(memory.faults.crashed).toBe(true);
    expect(await refusalOf(port)).toBe('ECONNREFUSED');

    await expect.poll(() => lines.some((line) => line.includes('Node 100 is back online'))).toBe(true);
    expect(memory.faults.crashed).toBe(false);
    expect(await askPort(port, '{"action": "x"}')).toBe('Invalid action');
  });

  test('stays down where it is not to come back, until somebody recovers it', async () => {
    const { ask, gateway, memory, lines } = await start({ settings: { stoppedMs: 0 } });
    const { port } = gateway;

    expect(await ask({ action: 'stop_node', flag: false })).toBe('Node has been failed');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await refusalOf(port)).toBe('ECONNREFUSED');
    memory.faults.recover();

    await expect.poll(() => lines.some((line) => line.includes('Node 100 is back online'))).toBe(true);
    expect(await askPort(port, '{"action": "x"}')).toBe('Invalid action');
  });

  test('is one only where faults may be made, and one that crashed by other means answers nobody', async () => {
    const { ask, memory } = await start({ faultInjection: false });

    expect(await ask({ action: 'stop_node', flag: true })).toContain('fault injection is switched off');
    expect(await ask({ action: 'start_new', node_id: '101', port: 8005 })).toContain('fault injection is switched off');
    expect(memory.faults.crashed).toBe(false);
    memory.faults.crash();
    await expect(ask({ action: 'nothing' })).resolves.toBe('');
    memory.faults.recover();
  });

  test('is started by another one', async () => {
    const recovered: number[] = [];
    const { ask } = await start({
      recoverPeer: (vertex) => {
        recovered.push(vertex);
        return Promise.resolve(vertex === 5 ? null : 'its process has ended');
      },
    });

    expect(await ask({ action: 'start_new', node_id: '101', port: 8005 })).toBe('Node 101 has been started');
    expect(await ask({ action: 'start_new', node_id: '110', port: 8006 })).toBe('Cannot start node 110: its process has ended');
    expect(await ask({ action: 'start_new', node_id: '100', port: 8004 })).toBe('Node 100 has been started');
    expect(await ask({ action: 'start_new', node_id: '1000', port: 8008 })).toBe('Invalid action');
    expect(recovered).toEqual([5, 6]);
  });
});

test('JSON is read and written as Python does', needsPrograms('python3'), () => {
  const texts = [
    '[1, -0, 1.0, -0.0, 1e5, 0.1, 1e16, 1e-5, 123456789012345680000.0, 5e-324, 1.7976931348623157e308, 1e400, NaN, -Infinity]',
    '{"b": "\\ud800\\u00e9\u{1f600}\u007f\\u0000", "2": [[], {}], "1": null, "b": true}',
    '[9007199254740993, 0.30000000000000004, 100.0, 1e22, 1e21, 123e-7, 9999999999999998.5, 0.0001234]',
    ' {"a" : [ 1 , 2 ] } ',
    '[1,]',
    '{"a": 01}',
    '"\\x"',
    '{} x',
    ...Array.from({ length: 200 }, (_, index) => String((index * 7919 + 1) * 10 ** ((index % 50) - 25))),
  ];
  const program = [
    'import json, sys',
    'for line in json.load(sys.stdin):',
    '    try: print(json.dumps(json.loads(line)))',
    '    except ValueError: print("none")',
  ].join('\n');
  const { stdout } = spawnSync('python3', ['-c', program], { input: JSON.stringify(texts), encoding: 'utf8' });

  const ours = texts.map((text) => {
    const value = parseJson(text);
    return value === undefined ? 'none' : writeJson(value);
  });
  expect(`${ours.join('\n')}\n`).toBe(stdout);
});
