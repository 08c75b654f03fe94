import { discuss } from '../../pubsub/index.ts';
import { type Block, graph, heading, list, table, text } from '../../report/blocks.ts';
import { digits, missing } from '../../report/index.ts';
import type { Figures } from '../figures.ts';
import { publishing as beside } from '../published.ts';
import { commandsOf, failedChecks, provenance } from './parts.ts';

const apisTogether = '6. each API, the eight brokers together';
const steps = ['pubsub', 'placement-8', 'placement-11'] as const;

/** Contract 3. */
export function publishing(figures: Figures): readonly Block[] {
  const published = beside(figures);
  const together = figures.rows('pubsub').filter((row) => row['part'] === apisTogether);
  const clients = together.length === 0 ? 64 : Math.max(...together.map((row) => Number(row['clients'])));
  const graphs = figures.lab('pubsub')?.graphs ?? [];
  return [
    heading('What was built'),
    text(
      'Eight peers are the corners of a cube. A topic is kept by the peer that the hash of its name says, its home, and by the three neighbours of that, which differ from it in one bit. The four are a consensus group of their own: a publish is answered when a majority of them has it on disk, and when the home dies one of the others leads. A request for a topic that the peer which is asked does not have is passed on along the edges, the highest differing bit first.',
      'What a subscriber has acknowledged, its cursor, is kept in consensus groups of the same kind. So it is the same whoever is asked, and survives whoever dies.',
      "The seed's own clients run unmodified: each peer speaks their wire beside HTTP.",
    ),
    heading('The evaluation'),
    ...provenance(figures, steps),
    ...commandsOf(figures, steps),
    ...partTable(figures, '1. all peers at once'),
    ...partTable(figures, '2. replicas'),
    ...partTable(figures, '3-5. a home killed, and back'),
    ...partTable(figures, apisTogether),
    table(published.head, published.rows),
    ...partTable(figures, '7. forwarding, by hops'),
    ...partTable(figures, '7. delay between brokers set by hand'),
    ...partTable(figures, '7. replicated beside unreplicated'),
    ...partTable(figures, '7. which wins where'),
    ...partTable(figures, '8. consistency'),
    ...partTable(figures, '8. ping-pong of two topics'),
    ...graphs.map(({ name, title }) => graph('pubsub', name, title)),
    heading('Discussion'),
    ...(figures.lab('pubsub') === null ? [text(`What the experiments come to: ${missing}.`)] : discuss(figures.lab('pubsub'))),
    heading('Are the APIs enough?'),
    text(
      'The seven of the assignment are enough to publish and to pull, and not to run a system by. The seed asks for three more, and each is here: where the replicas of a topic are (`cairn explain`), what each peer knows of itself and of the others (`cairn status`), and a level of consistency for each operation.',
      'Three more were needed to keep a promise at all. A request id makes a retry safe: without it a publish whose answer is lost is published twice, or lost. The number of a pull tells the next one from a retry, so that nothing is skipped when an answer is lost. And `seek` puts a cursor elsewhere on purpose, after saying what that would do, so that no other call ever has to move one.',
    ),
    heading('Bottlenecks'),
    list(
      `*A topic is expensive to make.* Each is a group with a log and a leader of its own, on four peers: ${apiFigure(figures, 1, 'create_topic')} requests/s with one client, against ${apiFigure(figures, 1, 'publish')} publishes.`,
      `*One publish at a time waits for disks.* Many at once share their syncs: ${apiFigure(figures, clients, 'publish')} publishes/s at one peer with ${clients} clients.`,
      '*A pull is a write.* It says what was processed, and that is kept as safely as a message.',
      'Eight peers on one computer share its cores and its disk. On eight computers a publish would cost each of them a part of what it costs all of them here; what the figures compare stays comparable, what they are does not.',
    ),
    heading('Consistency against performance'),
    text(
      'The usual levels, `quorum` and `linearizable`, are those at which nothing acknowledged is lost and nothing old is shown. What the others save stands in the table of evaluation 8: on a fast network little, since a sync and a question to a neighbour take about as long as everything else a request needs; on a slow one most of the time of a read. The seed chose asynchronous replication, which answers before a replica has the message: that is the level `leader` here, and the same table counts what it lost when the leader was cut off.',
      'Staleness is no secret of the system: each answer says how old it may be, and the experiment holds it to that.',
    ),
    heading('Cube against ring'),
    text(
      `The cube needs few links and few hops: between two of eight peers ${placed(figures, 'hops between two brokers: mean', 'cube')} hops in the mean and at most ${placed(figures, 'hops between two brokers: most', 'cube')}, with ${placed(figures, 'links of a broker: most', 'cube')} links each. A ring of successors takes ${placed(figures, 'hops between two brokers: mean', 'ring, by successors')} and at most ${placed(figures, 'hops between two brokers: most', 'ring, by successors')}, one with fingers ${placed(figures, 'hops between two brokers: mean', 'ring, by fingers')} and at most ${placed(figures, 'hops between two brokers: most', 'ring, by fingers')} with ${placed(figures, 'links of a broker: most', 'ring, by fingers')} links.`,
      `Evenness is the ring's, once each peer has many points on it, and once the cube is not whole: of eleven peers the most used one is home of ${placed(figures, 'homes, by the rules: most of a broker / mean', 'cube', 'placement-11')} times the mean on the cube and ${placed(figures, 'homes, by the rules: most of a broker / mean', 'ring', 'placement-11')} times on the ring; of eight it is ${placed(figures, 'homes, by the rules: most of a broker / mean', 'cube')} and ${placed(figures, 'homes, by the rules: most of a broker / mean', 'ring')}. A ninth peer would take ${placed(figures, 'one broker more: topics whose home moves (%)', 'cube')} % of the topics on the cube and ${placed(figures, 'one broker more: topics whose home moves (%)', 'ring')} % on the ring, where ${placed(figures, 'one broker more: topics whose home moves (%)', 'ideal')} % would be its share.`,
      'So the cube is for a number of peers that is a power of two and seldom changes, and gives every peer neighbours that are natural places for replicas; the ring is for clusters that grow one by one. What neither changes is the cost of agreeing, which is most of a publish.',
    ),
    heading('What failed, and why'),
    ...failedChecks(figures, steps),
    ...missedTargets(figures),
  ];
}

/** The results of one part of the evaluation, as they are. */
function partTable(figures: Figures, part: string): readonly Block[] {
  const rows = figures.rows('pubsub').filter((row) => row['part'] === part);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((column) => column !== 'part');
  if (rows.length === 0) return [];
  return [
    text(`**${part}**`),
    table(
      columns,
      rows.map((row) =>
        columns.map((column) => {
          const value = row[column] ?? '';
          return typeof value === 'number' ? digits(value) : String(value);
        }),
      ),
    ),
  ];
}

function apiFigure(figures: Figures, clients: number, api: string): string {
  const rows = figures.rows('pubsub').filter((row) => row['part'] === apisTogether);
  return figures.text(
    rows.find((row) => row['clients'] === clients && row['api'] === api),
    'requests/s at a broker',
  );
}

const placed = (figures: Figures, what: string, column: string, step = 'placement-8'): string =>
  figures.text(figures.row(step, 'what', what), column);

function missedTargets(figures: Figures): readonly Block[] {
  const missed = (figures.lab('pubsub')?.targets ?? []).filter(({ ok }) => !ok);
  if (missed.length === 0) return [];
  return [
    text("Targets that were missed in this run; they depend on the machine's mood:"),
    list(...missed.map(({ name, expected, got }) => `${name}: ${got}, asked ${expected}.`)),
  ];
}
