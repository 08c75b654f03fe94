import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { LogError } from '../../eventlog/index.ts';
import type { LabResult } from '../report/index.ts';
import { runApis } from './apis.ts';
import { brokerCount, Cluster, homecomingAfterMs } from './cluster.ts';
import { discuss } from './discussion.ts';
import type { Extent } from './extents.ts';
import { runFailures } from './failures.ts';
import { runForwarding } from './forwarding.ts';
import { RequestFailed } from './http.ts';
import { runOutage } from './outage.ts';
import type { Part } from './part.ts';
import { runPeersAtOnce } from './peers-at-once.ts';
import { runPingPong } from './ping-pong.ts';
import { runReplicas } from './replicas.ts';
import { runStaleness } from './staleness.ts';
import { Transcript } from './transcript.ts';
import { runWireApis } from './wire-apis.ts';

/** What can be run by itself. `items` are the evaluations 1 to 5, which are about what happens and not about how fast. */
export const parts = ['items', 'apis', 'forwarding', 'failures', 'consistency'] as const;
export type PartName = (typeof parts)[number];

export interface PubsubLabOptions {
  readonly parts: readonly PartName[];
  readonly extent: Extent;
  readonly seed: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

export async function runPubsubLab(options: PubsubLabOptions): Promise<LabResult> {
  const { seed, say } = options;
  say(`Starting ${brokerCount} brokers`);
  const cluster = await Cluster.start();
  try {
    const done: Part[] = [];
    for (const name of options.parts) done.push(...(await run[name](cluster, options)));
    const targets = done.flatMap((part) => part.targets ?? []);
    return {
      lab: 'pubsub',
      about,
      settings: { brokers: brokerCount, homecomingAfterMs, parts: options.parts.join(', '), ...settingsOf(options.extent), seed },
      results: done.flatMap(({ results }) => results),
      checks: done.flatMap(({ checks }) => checks),
      ...(targets.length === 0 ? {} : { targets }),
      graphs: done.flatMap(({ graphs }) => graphs),
      discussion: discuss,
    };
  } catch (error) {
    // Their folder goes with them.
    for (const id of cluster.ids) writeFileSync(path.join(options.folder, `broker-${id}.output`), cluster.brokers.output(id));
    if (!(error instanceof RequestFailed)) throw error;
    throw new LogError('checkFailed', `Cannot go on with the evaluation: ${error.message}`, {}, { cause: error });
  } finally {
    await cluster.end();
  }
}

const about =
  'The evaluation of contract 3, publish and subscribe on a hypercube of eight peers, each a broker in a process of its own with its data on disk. The ' +
  'numbers in front of tables and checks are those of its headings; what was done for 1 to 5 stands line by line in the logs beside this page. All brokers ' +
  'and all clients share one computer.';

const run: Readonly<Record<PartName, (cluster: Cluster, options: PubsubLabOptions) => Promise<readonly Part[]>>> = {
  items: runItems,
  apis: async (cluster, { extent, seed, say }) => [
    await runApis({ cluster, ...extent.apis, seed, say }),
    await runWireApis({ cluster, ...extent.wire, seed }),
  ],
  forwarding: (cluster, { extent, seed, say }) => runForwarding({ cluster, ...extent.forwarding, seed, say }),
  failures: async (cluster, { extent, seed, say }) => [await runFailures({ cluster, ...extent.failures, seed, say })],
  consistency: async (cluster, { extent, say }) => [
    await runStaleness({ cluster, ...extent.staleness, say }),
    await runPingPong({ cluster, ...extent.pingPong, say }),
  ],
};

async function runItems(cluster: Cluster, { extent, seed, folder, say }: PubsubLabOptions): Promise<readonly Part[]> {
  const logged = async (name: string, use: (log: Transcript) => Promise<Part>): Promise<Part> => {
    const log = new Transcript(folder, name);
    try {
      return await use(log);
    } finally {
      await log.close();
    }
  };
  say('Eight peers at once');
  const atOnce = await logged('1-all-apis-at-once', (log) => runPeersAtOnce({ cluster, messages: extent.messages, seed, log }));
  say('Replicas of the topics of contract 3');
  const replicas = await logged('2-replicas', (log) => runReplicas(cluster, log));
  say('A home is killed, and comes back');
  const outage = await logged('3-a-failed-node-recovers', (failed) =>
    logged('4-a-node-fetches-its-topics', (fetched) =>
      logged('5-a-replica-is-used', (replica) => runOutage({ cluster, ...extent.outage, logs: { failed, fetched, replica } })),
    ),
  );
  return [atOnce, replicas, outage];
}

const settingsOf = ({ messages, outage, apis, wire, forwarding, failures, staleness, pingPong }: Extent): LabResult['settings'] => ({
  'messages of each of eight publishers at once': messages,
  'messages before and during an outage': outage.messages,
  'topics made during it': outage.topicsMade,
  'clients at once': apis.clients.join(', '),
  'an API at a broker: most requests': apis.requestsMax,
  'an API at a broker: most ms': apis.msMax,
  'all APIs at once: ms': apis.mixedMs,
  'old wire, an API: most requests': wire.requestsMax,
  'old wire, an API: most ms': wire.msMax,
  'forwarding: requests of each pair': forwarding.requests,
  'largest rate: ms': forwarding.rateMs,
  'largest rate: clients': forwarding.rateClients,
  'delays (ms a hop)': forwarding.delays.join(', '),
  'a delay and a kind of request: ms': forwarding.delayMs,
  'a delay: clients': forwarding.delayClients,
  'healthy, a home dead, and back: ms each': failures.phaseMs,
  'random kills: ms': failures.killsMs,
  'random kills: concurrent peers': failures.peers.join(', '),
  'consistency, each situation: ms': staleness.phaseMs,
  'ping-pong, each situation: ms': pingPong.ms,
});
