import type { LinkFault } from '../../eventlog/index.ts';
import { Latencies } from '../bench/latencies.ts';
import { check } from '../report/index.ts';
import { type Cluster, brokerCount } from './cluster.ts';
import { RequestFailed } from './http.ts';
import { inMs, inRate, type Part, type Row } from './part.ts';
import { publish, pull, type ReadLevel, readPage } from './records.ts';
import { brokersOf, replicasOfContract, topicHomedAt } from './topics.ts';

export interface PingPongOptions {
  readonly cluster: Cluster;
  readonly ms: number;
  readonly say: (line: string) => void;
}

const [first, second] = [1, brokerCount];
const pullWaitMs = 1000;
const lookMsMax = 1000;
const publisher = 'ping-pong';

/**
 * Two topics whose homes are opposite corners of the cube, and a player at each. One publishes a ping, the other pulls it and publishes a pong, which the first
 * pulls: what is cause of what is known. Beside them observers read first the pongs, then the pings: who sees a pong and not its ping has seen an effect
 * without its cause, which linearizable reads must never show and local ones may.
 */
export async function runPingPong({ cluster, ms, say }: PingPongOptions): Promise<Part> {
  const [ping, pong] = [topicHomedAt(first, 'ping', brokerCount), topicHomedAt(second, 'pong', brokerCount)];
  const { http } = cluster;
  await http.json(cluster.url(1), 'POST', '/v1/publishers', { id: publisher });
  for (const [topic, player] of [
    [ping, second],
    [pong, first],
  ] as const) {
    await http.json(cluster.url(1), 'POST', '/v1/topics', { name: topic, replicas: replicasOfContract });
    await http.json(cluster.url(1), 'POST', '/v1/subscribers', { id: `waits-for-${topic}` });
    await http.ask(cluster.url(player), 'PUT', `/v1/subscribers/waits-for-${topic}/topics/${topic}`);
  }
  const rows: Row[] = [];
  const pings = brokersOf(ping, brokerCount, replicasOfContract);
  // Neither a player nor a home.
  const cut = pings[1] as number;
  const game: Game = { cluster, ping, pong, numbers: { ping: 1, pong: 1 }, offsets: { ping: [], pong: [] } };
  let [wrong, linearizable, looks] = [0, 0, 0];
  const situation = async (name: string, asked: readonly number[], fault: LinkFault): Promise<void> => {
    say(`Ping-pong of two topics, ${name}`);
    await cluster.fault(fault);
    const untilMs = performance.now() + ms;
    const [played, exact, local] = await Promise.all([
      play(game, untilMs),
      observe(game, 'linearizable', asked, untilMs),
      observe(game, 'local', asked, untilMs),
    ]);
    await cluster.fault({ action: 'heal' });
    const { p50, p99 } = played.latencies.summary();
    wrong += played.wrong;
    linearizable += exact.effects;
    looks += exact.looks;
    rows.push({
      part: '8. ping-pong of two topics',
      situation: name,
      rounds: played.rounds,
      'rounds/s': inRate(played.rounds / (played.tookMs / 1000)),
      'a round p50 ms': inMs(p50),
      'a round p99 ms': inMs(p99),
      'linearizable looks': exact.looks,
      'a pong without its ping, linearizable': exact.effects,
      'local looks': local.looks,
      'a pong without its ping, local': local.effects,
    });
  };
  await situation('healthy', pings, { action: 'heal' });
  await situation('20 ms a hop', pings, { action: 'delay', ms: 20, link: null });
  await situation('a replica of the pings cut off, and asked', [cut], {
    action: 'partition',
    groups: [[cut], cluster.ids.filter((id) => id !== cut)],
  });
  return {
    results: rows,
    checks: [
      check('8. ping-pong: messages pulled twice, not at all, or out of order', wrong === 0, 0, wrong),
      check(
        '8. ping-pong: rounds',
        rows.every((row) => Number(row['rounds']) > 0),
        'more than 0',
        rows.map((row) => String(row['rounds'])).join(', '),
      ),
      check(`8. ping-pong: effects without their cause, in ${looks} linearizable looks`, linearizable === 0, 0, linearizable),
    ],
    graphs: [],
  };
}

interface Game {
  readonly cluster: Cluster;
  readonly ping: string;
  readonly pong: string;
  /** Of the next pull of each player. */
  readonly numbers: { ping: number; pong: number };
  /** Of each round, in the order of the rounds. */
  readonly offsets: { readonly ping: number[]; readonly pong: number[] };
}

async function play(game: Game, untilMs: number) {
  const { cluster, ping, pong, offsets } = game;
  const latencies = new Latencies();
  const startedMs = performance.now();
  let [rounds, wrong] = [0, 0];
  while (performance.now() < untilMs) {
    const round = String(offsets.ping.length);
    const sentMs = performance.now();
    offsets.ping.push(await publish(cluster, first, publisher, ping, round));
    if ((await take(game, 'ping', second)) !== round) wrong++;
    offsets.pong.push(await publish(cluster, second, publisher, pong, round));
    if ((await take(game, 'pong', first)) !== round) wrong++;
    latencies.record(performance.now() - sentMs);
    rounds++;
  }
  return { latencies, rounds, wrong, tookMs: performance.now() - startedMs };
}

/** What the player is given next: all of it, with commas, so that one message too many is another text. */
async function take(game: Game, what: 'ping' | 'pong', player: number): Promise<string> {
  const { nextNumber, parts } = await pull(game.cluster, player, `waits-for-${game[what]}`, game.numbers[what], pullWaitMs);
  game.numbers[what] = nextNumber;
  return parts.flatMap(({ records }) => records.map(({ value }) => value)).join(', ');
}

/** At a replica of the pongs and then one of the pings that are `asked`, in turn. An answer that does not come within a second is none. */
async function observe({ cluster, ping, pong, offsets }: Game, level: ReadLevel, asked: readonly number[], untilMs: number) {
  const pongs = brokersOf(pong, brokerCount, replicasOfContract);
  let [looks, effects] = [0, 0];
  const look = async (brokers: readonly number[], count: number, topic: string): Promise<number> => {
    const broker = brokers[count % brokers.length] as number;
    return (await readPage(cluster, broker, topic, { level, from: 0, max: 1, timeoutMs: lookMsMax })).highWatermark;
  };
  for (let count = 0; performance.now() < untilMs; count++) {
    try {
      const effect = roundsBelow(offsets.pong, await look(pongs, count, pong));
      // Not the same pairs all the time.
      const cause = roundsBelow(offsets.ping, await look(asked, count >> 2, ping));
      looks++;
      if (effect > cause) effects++;
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
    }
  }
  return { looks, effects };
}

/** How many rounds an answer with this high watermark shows. A round whose publish is not answered yet counts as not shown. */
function roundsBelow(offsets: readonly number[], highWatermark: number): number {
  let rounds = offsets.length;
  while (rounds > 0 && (offsets[rounds - 1] as number) >= highWatermark) rounds--;
  return rounds;
}
