import { linkFaultTexts } from '../../src/eventlog/link-faults.ts';
import type { BrokersAnswer, BrokerStatus, PartitionStatus } from './api.ts';

type BrokerState = 'ok' | 'missing' | 'crashed' | 'fenced';

/** One broker as the page shows it, for one topic. */
export interface BrokerRow {
  readonly id: number;
  readonly address: string;
  readonly isSelf: boolean;
  readonly state: BrokerState;
  readonly role: string;
  readonly term: number | null;
  /** Committed records of the topic that this broker does not have yet, null when it does not say. */
  readonly lag: number | null;
  /** All topics. */
  readonly diskBytes: number | null;
  readonly durable: boolean;
  readonly startedMs: number | null;
  /** How far its wall clock is ahead of this broker's, in ms; null when it is not known, or this is it. */
  readonly aheadMs: number | null;
  readonly aheadErrorMs: number;
  readonly fenced: string | null;
  /** What another broker says stands between the two. */
  readonly problem: string | null;
  /** What was done to its links by hand, a text each. */
  readonly faults: readonly string[];
}

/** Rows in the order of the ids. A broker that is missing keeps its row: it is named, not left out. */
export function brokerRows(answer: BrokersAnswer, topic: string, selfId: number | null): BrokerRow[] {
  const committed = Math.max(0, ...answer.brokers.map((broker) => partitionOf(broker.status, topic)?.highWatermark ?? 0));
  return answer.brokers
    .map((broker): BrokerRow => {
      const status = broker.status;
      const partition = partitionOf(status, topic);
      return {
        id: broker.id,
        address: broker.address,
        isSelf: broker.id === selfId,
        state: status === null ? 'missing' : status.crashed ? 'crashed' : typeof partition?.fenced === 'string' ? 'fenced' : 'ok',
        role: status === null ? 'missing' : (partition?.role ?? 'no replica'),
        term: partition?.term ?? null,
        lag: partition === null ? null : Math.max(0, committed - partition.highWatermark),
        diskBytes: status === null ? null : (status.topics?.sizeBytes ?? status.partitions.reduce((sum, each) => sum + each.sizeBytes, 0)),
        durable: status?.durable ?? true,
        startedMs: status?.startedMs ?? null,
        aheadMs: broker.id === selfId ? null : (broker.clock?.aheadMs ?? null),
        aheadErrorMs: broker.clock?.errorMs ?? 0,
        fenced: partition?.fenced ?? null,
        problem: problemOf(answer, broker.id),
        faults: status?.linkFaults === undefined ? [] : linkFaultTexts(status.linkFaults),
      };
    })
    .toSorted((a, b) => a.id - b.id);
}

function problemOf({ brokers }: BrokersAnswer, id: number): string | null {
  for (const { id: by, status } of brokers) {
    const problem = status?.crashed === true ? null : (status?.peers.find((peer) => peer.id === id)?.problem ?? null);
    if (problem !== null) return `Broker ${by} says: ${problem}`;
  }
  return null;
}

function partitionOf(status: BrokerStatus | null, topic: string): PartitionStatus | null {
  return status?.partitions.find((partition) => partition.topic === topic) ?? null;
}

/** What the whole is in, in a word and a sentence. */
export interface ClusterState {
  readonly tone: 'ok' | 'warning' | 'bad' | 'unknown';
  readonly word: string;
  readonly sentence: string;
  /** What is appended to the topic can come: somebody leads it, has a majority, and is heard here. */
  readonly flows: boolean;
}

export function clusterState(rows: readonly BrokerRow[], isAway: boolean, topic: string): ClusterState {
  const flows = false;
  if (isAway)
    return { tone: 'bad', word: 'Broker away', sentence: 'This broker does not answer. What you see is the last that it said', flows };
  if (rows.length === 0) return { tone: 'unknown', word: 'Connecting', sentence: '', flows };
  const missing = rows.filter((row) => row.state === 'missing' || row.state === 'crashed');
  const up = rows.length - missing.length;
  const count = `${up} of ${rows.length} ${rows.length === 1 ? 'broker' : 'brokers'}`;
  const names = missing.map((row) => row.id).join(', ');
  const verb = missing.length === 1 ? `Broker ${names} does not answer` : `Brokers ${names} do not answer`;
  if (up * 2 <= rows.length) return { tone: 'bad', word: count, sentence: `${verb}: no majority, so nothing can be appended`, flows };
  const answering = rows.filter((row) => row.state !== 'missing' && row.state !== 'crashed');
  if (answering.every((row) => row.role === 'no replica'))
    return {
      tone: 'warning',
      word: 'No such topic',
      sentence: `There is no topic ${JSON.stringify(topic)}: it was deleted, or never made`,
      flows,
    };
  const isLed = answering.some((row) => row.role === 'leader');
  if (missing.length > 0)
    return { tone: 'warning', word: count, sentence: `${verb}. A majority is there: appending and reading go on`, flows: isLed };
  const fenced = rows.filter((row) => row.state === 'fenced');
  if (fenced.length > 0)
    return {
      tone: 'warning',
      word: 'Damage found',
      sentence: `Broker ${fenced.map((row) => row.id).join(', ')} takes no part: ${fenced[0]?.fenced ?? ''}`,
      flows: isLed,
    };
  if (!isLed) return { tone: 'warning', word: 'No leader', sentence: 'The brokers are electing a leader', flows };
  return { tone: 'ok', word: count, sentence: '', flows: true };
}
