// The old wire of contract 3 on eight real processes: the seed's own scripts, its ten defects, and what a supervisor's death leaves.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { answering, ask, peersCount, type RunningPeers, runScript, startPeers, transcripts, withPeers } from '../compat/cs550.ts';
import { eventually } from '../support/curl.ts';

const news = { home: 4, neighbours: [5, 6, 0] } as const;
const neighbours = "['101', '110', '000']";
const published = `Message published to 'news' and the replicas ${neighbours}.`;
const created = `Topic has been successfully created on 100 and all the replicas has been stored into neighbors ${neighbours}`;
const deleted = `Topic has been successfully deleted on 100 and all the replicas has been deleted from the neighbors ${neighbours}`;
const createNews = { action: 'create_topic', publisher_id: 'p', topic: 'news' };
const deleteNews = { action: 'delete_topic', publisher_id: 'p', topic: 'news' };
const pullNews = { action: 'pull', subscriber_id: 's', topic: 'news' };
const subscribeNews = { action: 'subscribe', subscriber_id: 's', topic: 'news' };
const publishNews = (content: unknown): unknown => ({ action: 'publish', publisher_id: 'p', topic: 'news', content });
const stop = (flag: boolean): unknown => ({ action: 'stop_node', flag });
const startAgain = (vertex: number): unknown => ({
  action: 'start_new',
  node_id: vertex.toString(2).padStart(3, '0'),
  port: 8000 + vertex,
});
const counted = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `m${from + index}`);
const listOf = (messages: readonly string[]): string => `[${messages.map((message) => `"${message}"`).join(', ')}]`;

async function publishAll(peers: RunningPeers, vertex: number, messages: readonly string[]): Promise<void> {
  for (const message of messages) expect(await peers.ask(vertex, publishNews(message))).toBe(published);
}

/** Its children: a peer each. */
function pidsOf({ child }: RunningPeers): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        // pid (name) state ppid
        return readFileSync(`/proc/${name}/stat`, 'latin1').split(') ').at(-1)?.split(' ')[1] === String(child.pid);
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function inFolder(use: (data: string) => Promise<void>): Promise<void> {
  const data = mkdtempSync(path.join(tmpdir(), 'cairn-cs550-test-'));
  try {
    await use(data);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

describe("the author's scripts", () => {
  for (const round of [1, 2, 3])
    test(`give what his report shows, letter by letter, on peers started afresh (${round} of 3)`, async () => {
      await withPeers(async (peers) => {
        expect((await runScript(peers, 'all_api')).trimEnd().split('\n')).toEqual(transcripts.all_api);
      });
    });

  for (const script of ['failure', 'fetch_replica', 'fault_tolerance'] as const)
    test(`${script}, with a node that fails`, async () => {
      await withPeers(async (peers) => {
        expect((await runScript(peers, script)).trimEnd().split('\n')).toEqual(transcripts[script]);
      });
    });

  test('a second run on the same peers finds what the first left, and no stale subscription', async () => {
    await withPeers(async (peers) => {
      await runScript(peers, 'all_api');
      const again = (await runScript(peers, 'all_api')).trimEnd().split('\n');
      expect(again.slice(0, 2)).toEqual([
        "Create Publisher Response: Publisher ID 'publisher1' already exists.",
        "Create Subscriber Response: Subscriber ID 'subscriber1' already exists.",
      ]);
      expect(again.slice(2)).toEqual(transcripts.all_api.slice(2));
    });
  });

  test('what an old client does while a home is down: it publishes and reads at the neighbour, makes and deletes nothing', async () => {
    await withPeers(async (peers) => {
      const down = ['Cannot connect to the original node as node has failed', 'Found a replica on 110 Forwarding topic access to node 110'];
      expect((await runScript(peers, 'dead_home')).trimEnd().split('\n')).toEqual([
        "Create Topic Response: Topic has been successfully created on 111 and all the replicas has been stored into neighbors ['110', '101', '011']",
        'STOP Node Response: Node has been failed',
        ...down,
        "Publish Message Response: Message published to 'cricket' and the replicas ['110', '101', '011'].",
        ...down,
        'Pull Message Response: {"original_node": "111", "message": "while the home was down"}',
        ...down,
        'Create Topic Response: Invalid action',
        ...down,
        'Delete Topic Response: Invalid action',
      ]);
      await eventually(async () => {
        expect(await peers.ask(7, { action: 'pull', subscriber_id: 'x', topic: 'cricket' })).toBe('["while the home was down"]');
      });
    });
  });
});

describe("the seed's defects", () => {
  test('all that was published is on the replicas, also what was published while the home was down, and the home has it when it is back', async () => {
    await withPeers(async (peers) => {
      await peers.ask(0, { action: 'create_subscriber', subscriber_id: 's' });
      expect(await peers.ask(news.home, createNews)).toBe(created);
      await publishAll(peers, news.home, counted(0, 5));
      expect(await peers.ask(news.home, stop(false))).toBe('Node has been failed');
      await expect(peers.ask(news.home, pullNews)).rejects.toMatchObject({ code: 'ECONNREFUSED' });

      // A replica keeps only the last message.
      for (const vertex of news.neighbours) expect(await peers.ask(vertex, pullNews)).toBe(listOf(counted(0, 5)));
      // A publish to a dead home is lost: old clients bring it to a neighbour as a pull with content.
      const lost = { action: 'replica_pull', publisher_id: 'p', topic: 'news', content: 'm5' };
      expect(await peers.ask(news.neighbours[0], lost)).toBe(published);
      expect(await peers.ask(news.neighbours[1], { action: 'replica_subscribe', subscriber_id: 's', topic: 'news' })).toBe(
        "Subscriber ID 's' subscribed to 'news'.",
      );
      expect(await peers.ask(news.neighbours[2], pullNews)).toBe(listOf(counted(0, 6)));
      // No re-sync on return: it has what it missed on its own disk, and serves it.
      expect(await peers.ask(0, startAgain(news.home))).toBe('Node 100 has been started');
      await eventually(async () => expect(await peers.ask(news.home, publishNews('m6'))).toBe(published));
      expect(await peers.ask(news.home, pullNews)).toBe(listOf(['m6']));
      await eventually(async () => {
        const answer = await fetch(`http://127.0.0.1:${peers.brokerPort + news.home}/v1/topics/news/records?format=text&level=local`);
        expect((await answer.text()).trimEnd().split('\n')).toEqual(counted(0, 7));
      });
    });
  });

  test('a real kill of all of them loses nothing, and subscriptions have cursors that survive it', async () => {
    await inFolder(async (data) => {
      const first = await startPeers({ data });
      await answering(first);
      await first.ask(0, { action: 'create_subscriber', subscriber_id: 's' });
      expect(await first.ask(news.home, createNews)).toBe(created);
      await publishAll(first, news.home, counted(0, 3));
      await first.ask(news.home, subscribeNews);
      expect(await first.ask(news.home, pullNews)).toBe(listOf(counted(0, 3)));
      await publishAll(first, news.home, counted(3, 5));
      const pids = pidsOf(first);
      expect(pids).toHaveLength(peersCount);
      first.child.kill('SIGKILL');
      await first.ended;
      for (const pid of pids) process.kill(pid, 'SIGKILL');

      await withPeers(
        async (again) => {
          expect(await again.ask(news.home, pullNews)).toBe(listOf(counted(3, 5)));
          expect(await again.ask(news.home, pullNews)).toBe('[]');
          expect(await again.ask(1, { action: 'pull', subscriber_id: 'x', topic: 'news' })).toBe(listOf(counted(0, 5)));
        },
        { data, port: first.port, brokerPort: first.brokerPort },
      );
    });
  });

  test('any peer answers for any topic, with the registry of publishers on no single one, and others than the first neighbour are tried', async () => {
    await withPeers(async (peers) => {
      await peers.ask(0, { action: 'create_publisher', publisher_id: 'p' });
      await peers.ask(0, { action: 'create_subscriber', subscriber_id: 's' });
      expect(await peers.ask(3, createNews)).toBe(created);
      for (let vertex = 0; vertex < peersCount; vertex++) {
        expect(await peers.ask(vertex, publishNews(`m${vertex}`))).toBe(published);
        expect(await peers.ask(vertex, { action: 'pull', subscriber_id: 'x', topic: 'news' })).toBe(listOf(counted(0, vertex + 1)));
      }
      // The registry's peer is gone, which is a neighbour of the home too.
      await peers.ask(0, stop(false));
      expect(await peers.ask(1, { action: 'create_publisher', publisher_id: 'p' })).toBe("Publisher ID 'p' already exists.");
      expect(await peers.ask(2, subscribeNews)).toBe("Subscriber ID 's' subscribed to 'news'.");
      await peers.ask(1, startAgain(0));
      await eventually(async () => expect(await peers.ask(0, pullNews)).toBe(listOf(counted(0, 8))));
      // With the first neighbour gone, and later the home: the others are there.
      await peers.ask(news.neighbours[0], stop(false));
      expect(await peers.ask(news.home, publishNews('m8'))).toBe(published);
      await peers.ask(0, startAgain(news.neighbours[0]));
      await eventually(async () => expect(await peers.ask(news.neighbours[0], { action: 'none' })).toBe('Invalid action'));
      await peers.ask(news.home, stop(false));
      for (const vertex of [news.neighbours[1], news.neighbours[2], 3])
        await eventually(async () => {
          expect(await peers.ask(vertex, { ...pullNews, action: 'replica_pull' })).toBe('{"original_node": "100", "message": "m8"}');
        });
    });
  });

  test('long requests and answers are whole, and a topic that is made again keeps what it has', async () => {
    await withPeers(async (peers) => {
      const long = 'ü'.repeat(100_000);
      await peers.ask(news.home, createNews);
      for (let more = 0; more < 3; more++) expect(await peers.ask(news.home, publishNews(long))).toBe(published);
      expect(await peers.ask(2, createNews)).toBe("Topic 'news' already exists.");
      expect(await peers.ask(2, pullNews)).toBe(listOf([1, 2, 3].map(() => '\\u00fc'.repeat(100_000))));
    });
  });

  test('with the home down a topic is made and deleted at any other peer, answered as ever, and the home fetches it', async () => {
    await withPeers(async (peers) => {
      await peers.ask(news.home, stop(false));
      expect(await peers.ask(news.neighbours[0], createNews)).toBe(created);
      expect(await peers.ask(1, publishNews('m0'))).toBe(published);
      await peers.ask(0, startAgain(news.home));
      await eventually(async () => expect(await peers.ask(news.home, pullNews)).toBe(listOf(['m0'])));
      await eventually(async () => {
        const answer = await fetch(`http://127.0.0.1:${peers.brokerPort + news.home}/v1/topics/news/records?format=text&level=local`);
        expect(await answer.text()).toBe('m0\n');
      });
      await peers.ask(news.home, stop(false));
      expect(await peers.ask(news.neighbours[0], deleteNews)).toBe(deleted);
      await peers.ask(0, startAgain(news.home));
      await eventually(async () => expect(await peers.ask(news.home, pullNews)).toBe("Topic 'news' not found."));
    });
  });
});

test('peers whose supervisor was killed still answer, and end when they are told', async () => {
  await inFolder(async (data) => {
    const peers = await startPeers({ data });
    await answering(peers);
    const pids = pidsOf(peers);
    peers.child.kill('SIGKILL');
    await peers.ended;

    await answering(peers);
    expect(await peers.ask(1, createNews)).toBe(created);
    expect(await peers.ask(2, publishNews('m0'))).toBe(published);
    for (const pid of pids) process.kill(pid, 'SIGTERM');
    for (let vertex = 0; vertex < peersCount; vertex++)
      await eventually(async () => await expect(ask(peers.port + vertex, {})).rejects.toMatchObject({ code: 'ECONNREFUSED' }));
  });
});
