/** What the experiments come to. Every figure is quoted from the summary; what was not measured is not discussed. */
import { digits, type Summary } from '../report/index.ts';
import { type Block, list, text } from '../report/blocks.ts';
import type { Row } from './part.ts';

/** Of the results with this part and these values in the columns. */
class Quotes {
  readonly #results: readonly Row[];

  constructor(summary: Summary | null) {
    this.#results = summary?.results ?? [];
  }

  row(part: string, match: Row = {}): Row | null {
    return this.rows(part).find((row) => Object.entries(match).every(([column, value]) => row[column] === value)) ?? null;
  }

  rows(part: string): readonly Row[] {
    return this.#results.filter((row) => String(row['part']).startsWith(part));
  }
}

const said = (row: Row | null | undefined, column: string): string => {
  const value = row?.[column];
  return typeof value === 'number' ? digits(value) : String(value ?? '');
};

const numberOf = (row: Row | null | undefined, column: string): number => {
  const value = row?.[column];
  return typeof value === 'number' ? value : Number.NaN;
};

export function discuss(summary: Summary | null): readonly Block[] {
  const quotes = new Quotes(summary);
  return [discussOutage, discussApis, discussHops, discussDelays, discussReplication, discussConsistency, discussPingPong].flatMap((each) =>
    each(quotes),
  );
}

function discussOutage(quotes: Quotes): readonly Block[] {
  const rows = quotes.rows('3-5.');
  if (rows.length === 0) return [];
  const ms = (beginning: string): string =>
    said(
      rows.find((row) => String(row['what']).startsWith(beginning)),
      'ms',
    );
  return [
    text(
      `**A home that dies.** Its first neighbour took an old client's publish ${ms('5. from the kill to the first message')} ms after the kill, and by ${ms('5. from the kill to the same records')} ms all seven others gave the same records. Until then nobody leads the topic: followers have to miss some heartbeats before one of them is elected. Nothing that was acknowledged waited for the home.`,
      `Started again it answered after ${ms('3. from its start until it answers')} ms, had what it missed after ${ms('3. from its start until it has')} ms, and led its topic again after ${ms('3. from its start until it leads')} ms; it first has to be back for a while, so that one which comes and goes takes no topic with it.`,
    ),
  ];
}

const apisTogether = '6. each API, the eight brokers together';

function discussApis(quotes: Quotes): readonly Block[] {
  const rows = quotes.rows(apisTogether);
  if (rows.length === 0) return [];
  const rate = 'requests/s at a broker';
  const counts = [...new Set(rows.map((row) => numberOf(row, 'clients')))];
  const [least, most] = [counts[0], counts.at(-1)] as [number, number];
  const of = (clients: number, api: string): Row | null => quotes.row(apisTogether, { clients, api });
  const grows = (api: string): string => digits(numberOf(of(most, api), rate) / numberOf(of(least, api), rate));
  const slowest = rows.filter((row) => row['clients'] === least).toSorted((a, b) => numberOf(a, rate) - numberOf(b, rate))[0];
  const wire = quotes.rows('6. the old wire');
  const below = wire.filter((row) => numberOf(row, 'here') < numberOf(row, "seed's report")).map((row) => said(row, 'api'));
  return [
    text(
      `**What an API costs.** With one client a publish is answered after ${said(of(least, 'publish'), 'p50 ms')} ms (p50): by then it is on the disks of three of the four brokers that have the topic. A pull of one new record takes ${said(of(least, 'pull'), 'p50 ms')} ms, the acknowledgement of the record before it included. The slowest is ${said(slowest, 'api')}, with ${said(slowest, rate)} requests/s.`,
      `From one client to ${most} the throughput at one broker grows ${grows('publish')} times for publish, ${grows('pull')} times for pull and ${grows('create_topic')} times for create_topic: what waits is written and synced as one. Latency grows with it: p99 of a publish is ${said(of(least, 'publish'), 'p99 ms')} ms with one client and ${said(of(most, 'publish'), 'p99 ms')} ms with ${most}.`,
      `Any broker may be asked, since each passes on what is another's: with ${most} clients publish gives ${said(of(most, 'publish'), 'least of a broker')} requests/s at the slowest of the brokers and ${said(of(most, 'publish'), 'most of a broker')} at the fastest.`,
    ),
    ...(wire.length === 0
      ? []
      : [
          text(
            below.length === 0
              ? "On the old wire every API is above the seed's report, which keeps nothing on disk and times three of its seven APIs on a topic that it has deleted."
              : `On the old wire ${below.join(', ')} ${below.length === 1 ? 'is' : 'are'} below the seed's report. It keeps nothing on disk, and times three of its seven APIs on a topic that it has deleted.`,
          ),
        ]),
  ];
}

function discussHops(quotes: Quotes): readonly Block[] {
  const rows = quotes.rows('7. forwarding');
  const [near, far] = [rows[0], rows.at(-1)];
  if (near === undefined || far === undefined) return [];
  const isSlower = numberOf(far, 'largest rate, publishes/s') < numberOf(near, 'largest rate, publishes/s');
  const more = (column: string): string => digits((numberOf(far, column) - numberOf(near, column)) / numberOf(far, 'hops'));
  return [
    text(
      `**What a hop costs.** A publish for a topic homed on the broker that is asked takes ${said(near, 'publish p50 ms')} ms (p50), one for a topic ${said(far, 'hops')} hops away ${said(far, 'publish p50 ms')} ms; of reads it is ${said(near, 'read p50 ms')} and ${said(far, 'read p50 ms')} ms. That is ${more('read p50 ms')} ms a hop for a read, there and back.`,
      `The largest rate is ${said(near, 'largest rate, publishes/s')} publishes/s without a hop and ${said(far, 'largest rate, publishes/s')} with ${said(far, 'hops')}${isSlower ? ': all brokers share the same cores here, and each hop takes its part of them' : ': with so many at once a hop is nothing beside the rest, and the disks of the homes decide'}. A client that goes to the leader of its topic pays for none.`,
    ),
  ];
}

function discussDelays(quotes: Quotes): readonly Block[] {
  const rows = quotes.rows('7. delay');
  const delays = rows.map((row) => numberOf(row, 'ms a hop'));
  const most = Math.max(...delays);
  const of = (what: string): string => said(quotes.row('7. delay', { 'ms a hop': most, what }), 'p50 ms');
  if (rows.length === 0) return [];
  const wins = [...new Set(delays)].filter(
    (delay) =>
      numberOf(quotes.row('7. delay', { 'ms a hop': delay, what: 'local read, four replicas' }), 'p50 ms') <
      numberOf(quotes.row('7. delay', { 'ms a hop': delay, what: 'linearizable read, on its home alone' }), 'p50 ms'),
  );
  return [
    text(
      `**A slow network.** With ${most} ms on each hop and any broker asked for any topic, a publish takes ${of('publish, on its home alone')} ms (p50) to a home alone and ${of('publish, four replicas')} ms where three of four must have it: replication costs a round trip between neighbours, beside the way to the home. A linearizable read takes ${of('linearizable read, on its home alone')} and ${of('linearizable read, four replicas')} ms, since a leader with followers has to hear from a majority that it still leads.`,
      `A local read takes ${of('local read, four replicas')} ms: where the broker that is asked has a replica it asks nobody, and half of all brokers have one. ${wins.length === 0 ? 'In this run it was nowhere faster than reading at a home without replicas.' : `It was faster than reading at a home without replicas with ${wins.join(', ')} ms a hop.`} What replicas give on a slow network is a read near by where an old answer will do; what they take is a round trip more wherever the newest is written or asked for.`,
    ),
  ];
}

const replication = '7. replicated beside unreplicated';

function discussReplication(quotes: Quotes): readonly Block[] {
  const winners = quotes.rows('7. which wins where');
  if (winners.length === 0) return [];
  const of = (scenario: unknown, system: string, column: string): string =>
    said(quotes.row(replication, { scenario: String(scenario), system }), column);
  return [
    text(
      '**Where replication wins, and where it loses.** Topics with four replicas beside topics on their home alone, under the same load:',
    ),
    list(
      ...winners.map((row) => {
        const { scenario } = row;
        const both = (column: string): string => `${of(scenario, 'four replicas', column)} and ${of(scenario, 'unreplicated', column)}`;
        return (
          `*${said(row, 'scenario')}*: throughput: ${verdictOf(row['throughput'])} (${both('requests/s')} requests/s). ` +
          `Failed requests: ${verdictOf(row['failed requests'])} (${both('failed')}). ` +
          `Longest time without an answer of some topic: ${verdictOf(row['longest gap of a topic'])} (${both('longest gap of a topic ms')} ms).`
        );
      }),
    ),
    text(
      'The first figure is that of four replicas. Healthy, each publish is written by four brokers in place of one, and all of them share the same disk and cores here: what that costs is the price of every minute in which nobody dies. When one dies, a topic without replicas has nobody until it is back, and peers that wait for it do nothing else meanwhile: few dead topics hold up all of the load. What was acknowledged survives in both, since both keep it on disk; on a disk that is lost only replicas keep it.',
    ),
  ];
}

const verdictOf = (winner: unknown): string =>
  winner === 'neither' ? 'no difference' : winner === 'four replicas' ? 'replication wins' : 'replication loses';

function discussConsistency(quotes: Quotes): readonly Block[] {
  const rows = quotes.rows('8. consistency');
  if (rows.length === 0) return [];
  const of = (situation: string, where: string, what: string, column: string): string =>
    said(quotes.row('8. consistency', { situation, where, what }), column);
  const healthy = (what: string, column: string): string =>
    of('healthy', what.startsWith('read') ? 'at its replicas' : 'at its home', what, column);
  const cutOff = (what: string, column: string): string => of('a replica cut off', 'at the one cut off', what, column);
  const alone = (what: string, column: string): string => of('the leader cut off', 'at the one cut off', what, column);
  return [
    text(
      `**What consistency costs.** Healthy, a write takes ${healthy('write, leader', 'p50 ms')} ms (p50) at level \`leader\`, ${healthy('write, quorum', 'p50 ms')} at \`quorum\` and ${healthy('write, all', 'p50 ms')} at \`all\`; a read ${healthy('read, local', 'p50 ms')} ms at \`local\`, ${healthy('read, session', 'p50 ms')} at \`session\` and ${healthy('read, linearizable', 'p50 ms')} at \`linearizable\`. With 20 ms a hop a linearizable read takes ${of('20 ms a hop', 'at its replicas', 'read, linearizable', 'p50 ms')} ms and a local one ${of('20 ms a hop', 'at its replicas', 'read, local', 'p50 ms')}, which is then up to ${of('20 ms a hop', 'at its replicas', 'read, local', 'stale by at most ms')} ms old.`,
      `**What it gives.** A replica that is cut off answered ${cutOff('read, linearizable', 'answers')} linearizable reads and refused ${cutOff('read, linearizable', 'refused')}; of local ones it answered ${cutOff('read, local', 'answers')}, up to ${cutOff('read, local', 'stale by at most ms')} ms old and without as many as ${cutOff('read, local', 'records missing at most')} acknowledged records, and each said how old it was.`,
      `With one replica out of reach \`all\` acknowledged ${of('a replica cut off', 'at its home', 'write, all', 'answers')} writes, while \`quorum\` went on. A leader that was cut off acknowledged ${alone('write, quorum', 'answers')} writes at \`quorum\`, and at \`leader\` ${alone('write, leader', 'answers')}, of which ${alone('write, leader', 'acknowledged and lost')} were lost when the others had elected another: that is what the level says of itself, and why it is not the usual one.`,
    ),
  ];
}

function discussPingPong(quotes: Quotes): readonly Block[] {
  const rows = quotes.rows('8. ping-pong');
  const [healthy, slow, apart] = rows;
  if (healthy === undefined) return [];
  const seen = (row: Row | undefined, level: string): string =>
    `${said(row, `a pong without its ping, ${level}`)} of ${said(row, `${level} looks`)}`;
  return [
    text(
      `**Ping-pong.** A round of two topics at opposite corners of the cube, two publishes and two pulls, takes ${said(healthy, 'a round p50 ms')} ms (p50), and ${said(slow, 'a round p50 ms')} ms with 20 ms a hop.`,
      `Observers read first the pongs, then the pings. Of the linearizable looks ${seen(healthy, 'linearizable')} showed a pong without its ping while all was well, and ${seen(slow, 'linearizable')} on the slow network; of the local ones ${seen(healthy, 'local')} and ${seen(slow, 'local')}: a round takes longer than a record takes to its followers. At a replica of the pings that was cut off it was ${seen(apart, 'local')} local looks, and ${seen(apart, 'linearizable')} linearizable ones. A local read of two topics shows two moments, and an effect may be there before its cause.`,
    ),
  ];
}
