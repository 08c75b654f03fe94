import { toHex } from '../../base/bytes.ts';
import type { BrokerId } from '../../base/branded.ts';
import type { PartitionPlacement, PartitionStatus, PlacedReplica, TopicPlacement } from '../../eventlog/index.ts';
import { digestOf, dimensionsOf, makeCube, placeOnCube, routeBetween } from '../../placement/index.ts';
import { majorityOf } from '../../raft/index.ts';
import type { PlacedPartition } from './catalog-state.ts';

export interface ExplainingOptions {
  readonly topic: string;
  /** Exact bytes of its original name where it has one, else of its name. */
  readonly name: Uint8Array;
  readonly placement: 'hypercube' | 'ring' | 'all';
  readonly partitions: readonly { readonly group: number; readonly placed: PlacedPartition | null }[];
  readonly self: BrokerId;
  /** All of the cluster. */
  readonly brokers: readonly BrokerId[];
  isReachable(broker: BrokerId): boolean;
  /** Milliseconds since a broker was last heard here; null for one that never was. */
  sinceHeardMs(broker: BrokerId): number | null;
  /** As its leader says where it could be asked, else as anybody does; undefined where nobody could be. */
  statusOf(group: number): PartitionStatus | undefined;
}

/** Why a topic is where it is, for people and programs: from what its making decided, and from what is known now. */
export function explainTopic(options: ExplainingOptions): TopicPlacement {
  const { topic, name, placement, self } = options;
  const ids = [...options.brokers].sort((a, b) => a - b);
  const reaches = (id: number): boolean => id === self || options.isReachable(id as BrokerId);
  return {
    topic,
    placement,
    hash: toHex(digestOf(name)),
    dimensions: dimensionsOf(ids.length),
    asked: self,
    brokers: ids.map((id, vertex) => ({ id, vertex, reachable: reaches(id) })),
    partitions: options.partitions.map((each, index) => explainPartition(options, ids, each, index, reaches)),
  };
}

function explainPartition(
  options: ExplainingOptions,
  ids: readonly BrokerId[],
  { group, placed }: { readonly group: number; readonly placed: PlacedPartition | null },
  partition: number,
  reaches: (id: number) => boolean,
): PartitionPlacement {
  const { name, placement, self } = options;
  const status = options.statusOf(group);
  const members = placed?.replicas ?? ids;
  const home = members[0] as number;
  const rule =
    placement === 'hypercube' ? placeOnCube({ digest: digestOf(name), partition, brokers: ids.length, replication: members.length }) : null;
  const reachable = members.filter(reaches).length;
  const leader = status?.leader ?? null;
  const replicas = members.map((broker): PlacedReplica => {
    const follower = status?.followers.find((each) => each.broker === broker);
    const matchOffset = broker === leader ? (status?.endOffset ?? null) : (follower?.matchOffset ?? null);
    const byRule = rule?.replicas.find(({ vertex }) => ids[vertex] === broker)?.why;
    const isLiving = placed?.awayFromHome === true;
    const why = isLiving ? 'living' : placement === 'hypercube' ? (byRule?.kind ?? 'living') : placement;
    return { broker, why, bit: byRule?.kind === 'neighbour' && !isLiving ? byRule.bit : null, reachable: reaches(broker), matchOffset };
  });
  return {
    partition,
    group,
    vertex: rule?.vertex ?? null,
    folded: rule?.folded ?? [],
    replicas,
    awayFromHome: placed?.awayFromHome ?? false,
    leader,
    term: status?.term ?? 0,
    leaderSinceMs: status?.leaderSinceMs ?? null,
    notLedByHome: placed === null || leader === home ? null : whyNotHome(options, home, leader, replicas[0] as PlacedReplica, status),
    lossesSurvived: Math.max(-1, reachable - majorityOf(members)),
    route: leader === null || !reaches(leader) ? null : routeTo(leader, ids, self, members.includes(self), reaches),
  };
}

/** Members ask one another by their own links, the others along the edges of the cube. */
function routeTo(
  leader: number,
  ids: readonly number[],
  self: number,
  isMember: boolean,
  reaches: (id: number) => boolean,
): readonly number[] {
  if (leader === self) return [self];
  if (isMember) return [self, leader];
  const isAlive = (vertex: number): boolean => reaches(ids[vertex] as number);
  const { vertices } = routeBetween(makeCube(ids.length), ids.indexOf(self), ids.indexOf(leader), isAlive);
  return vertices.map((vertex) => ids[vertex] as number);
}

function whyNotHome(
  options: ExplainingOptions,
  home: number,
  leader: number | null,
  { reachable, matchOffset }: PlacedReplica,
  status: PartitionStatus | undefined,
): string {
  if (!reachable) {
    const { self } = options;
    const ms = options.sinceHeardMs(home as BrokerId);
    const since =
      ms === null ? `broker ${self} has not met it since its own start` : `broker ${self} last heard it ${Math.round(ms / 1000)} s ago`;
    return `its home, broker ${home}, cannot be reached: ${since}`;
  }
  if (leader === null) return 'nobody leads it now';
  const end = status?.endOffset ?? 0;
  if (matchOffset !== null && matchOffset < end)
    return `its home, broker ${home}, has ${matchOffset} of ${end} offsets so far and fetches the rest`;
  return `its home, broker ${home}, is back and does not lead again yet`;
}
