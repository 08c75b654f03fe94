import { contractHomes } from '../placement/index.ts';
import { check } from '../report/index.ts';
import { type Cluster, brokerCount } from './cluster.ts';
import { askWire } from './old-wire.ts';
import type { Part } from './part.ts';
import { brokersOf, labelOfBroker, replicasOfContract } from './topics.ts';
import type { Transcript } from './transcript.ts';

/** As Python prints a list of texts. */
const listOf = (labels: readonly string[]): string => `[${labels.map((label) => `'${label}'`).join(', ')}]`;

/** Over bit 0, 1, 2. */
export const neighboursOf = (home: string): readonly string[] =>
  [1, 2, 4].map((bit) => (Number.parseInt(home, 2) ^ bit).toString(2).padStart(3, '0'));

const brokerOf = (label: string): number => Number.parseInt(label, 2) + 1;

interface Found {
  readonly topic: string;
  readonly answer: string;
  /** Brokers that have it, by their own word. */
  readonly keptBy: readonly number[];
  /** What each broker says of where it belongs, where that is not as the contract has it. */
  readonly saidOtherwise: number;
}

/** Evaluation 2: the contract's topics, made as its clients make them, are on the home and its three neighbours, and on no other peer. */
export async function runReplicas(cluster: Cluster, log: Transcript): Promise<Part> {
  const found: Found[] = [];
  for (const [topic, home] of Object.entries(contractHomes)) {
    const answer = await askWire(cluster.brokers.wirePort(brokerOf(home)), { action: 'create_topic', publisher_id: 'publisher1', topic });
    log.say(`create_topic ${topic} at ${home}: ${answer}`);
    found.push({ topic, answer, ...(await lookFor(cluster, topic, brokersOf(topic, brokerCount, replicasOfContract), log)) });
  }
  const wrongAnswers = found.filter(({ topic, answer }) => {
    const home = contractHomes[topic] as string;
    const neighbours = listOf(neighboursOf(home));
    return answer !== `Topic has been successfully created on ${home} and all the replicas has been stored into neighbors ${neighbours}`;
  });
  const misplaced = found.filter(({ topic, keptBy }) => {
    const home = contractHomes[topic] as string;
    const expected = [home, ...neighboursOf(home)].map(brokerOf);
    return keptBy.length !== expected.length || expected.some((broker) => !keptBy.includes(broker));
  });
  const saidOtherwise = found.reduce((sum, each) => sum + each.saidOtherwise, 0);
  return {
    results: found.map(({ topic, keptBy }) => ({
      part: '2. replicas',
      topic,
      home: contractHomes[topic] as string,
      neighbours: neighboursOf(contractHomes[topic] as string).join(' '),
      'kept by': keptBy.map(labelOfBroker).join(' '),
    })),
    checks: [
      check(
        '2. answers on the old wire that are not letter by letter as in the contract',
        wrongAnswers.length === 0,
        0,
        wrongAnswers.length,
      ),
      check(`2. topics on other peers than home and neighbours, of ${found.length}`, misplaced.length === 0, 0, misplaced.length),
      check('2. peers that name other replicas', saidOtherwise === 0, 0, saidOtherwise),
    ],
    graphs: [],
  };
}

async function lookFor(
  cluster: Cluster,
  topic: string,
  expected: readonly number[],
  log: Transcript,
): Promise<Pick<Found, 'keptBy' | 'saidOtherwise'>> {
  const keptBy: number[] = [];
  let saidOtherwise = 0;
  for (const broker of cluster.ids) {
    const status = (await cluster.http.json(cluster.url(broker), 'GET', `/v1/status?prefix=${topic}`)) as {
      readonly partitions: readonly { readonly topic: string }[];
    };
    if (status.partitions.some((partition) => partition.topic === topic)) keptBy.push(broker);
    const placement = (await cluster.http.json(cluster.url(broker), 'GET', `/v1/topics/${topic}/placement`)) as {
      readonly partitions: readonly { readonly replicas: readonly { readonly broker: number }[] }[];
    };
    const said = placement.partitions[0]?.replicas.map((replica) => replica.broker) ?? [];
    if (said.join(' ') !== expected.join(' ')) saidOtherwise++;
    log.say(`${labelOfBroker(broker)} says that ${topic} belongs on ${said.map(labelOfBroker).join(' ')}`);
  }
  log.say(`${topic} is kept by ${keptBy.map(labelOfBroker).join(' ')}`);
  return { keptBy, saidOtherwise };
}
