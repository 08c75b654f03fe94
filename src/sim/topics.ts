/**
 * The topics that are there for a whole run, beside `log`: drawn from the seed, and asked for before the clients begin. A run of the fewest has `orders` and
 * `recent`; in one of more, clients are at some of them most of the time, and the others are quiet between two calls.
 */
import { SeededRandom } from '../base/random.ts';
import { placesOf } from './place-name.ts';

export interface LastingTopic {
  readonly name: string;
  /** Retention removes from it what is old. */
  readonly isRecent: boolean;
  readonly partitions: number;
  /** Null: the default. */
  readonly placement: 'ring' | null;
  /** Which broker is asked for it: the first, the second, ... modulo their number. */
  readonly asked: number;
}

export interface TopicsOfRun {
  readonly lasting: readonly LastingTopic[];
  /** All partitions, `log` the first. */
  readonly fixedPlaces: readonly string[];
  /** Those of the first few. */
  readonly busyPlaces: readonly string[];
}

export const topicsLeast = 2;
export const topicsMost = 500;
const recentTopic = 'recent';
const partitionsMost = 4;
const busyTopics = 5;
/** What is drawn of more topics than the fewest is drawn by itself: a run of the fewest is what it was before there could be more. */
const manySalt = 15_485_863;

/** @param parting what the partitions of the first topics are drawn by */
export function drawTopics(seed: number, count: number, parting: SeededRandom): TopicsOfRun {
  /** Half of the topics have several partitions. */
  const partitionsBy = (random: SeededRandom): number => (random.chance(0.5) ? 1 + random.below(partitionsMost) : 1);
  const lasting: LastingTopic[] = ['orders', recentTopic].map((name) => ({
    name,
    isRecent: name === recentTopic,
    partitions: partitionsBy(parting),
    placement: null,
    asked: 0,
  }));
  const random = new SeededRandom(seed + manySalt);
  for (let number = topicsLeast + 1; number <= count; number++) {
    lasting.push({
      name: `topic-${number}`,
      isRecent: random.chance(1 / 5),
      partitions: partitionsBy(random),
      placement: random.chance(1 / 3) ? 'ring' : null,
      asked: random.below(1000),
    });
  }
  const placesOfAll = (topics: readonly LastingTopic[]): string[] => [
    'log',
    ...topics.flatMap(({ name, partitions }) => placesOf(name, partitions)),
  ];
  return { lasting, fixedPlaces: placesOfAll(lasting), busyPlaces: placesOfAll(lasting.slice(0, busyTopics)) };
}

/** How large the run of a seed is. */
export interface Extent {
  readonly brokers: number;
  readonly topics: number;
}

/** Of a campaign one seed in so many has many topics, on a cube of its own. */
const manyEvery = 10;
const many: Extent = { brokers: 8, topics: 100 };
const drawnLeast = 5;
const drawnMost = 20;
const countSalt = 32_452_843;

/** What a campaign may come to where its topics are drawn. */
export const brokersOfMany = many.brokers;

export const drawnTopicCount = (seed: number): number => drawnLeast + new SeededRandom(seed + countSalt).below(1 + drawnMost - drawnLeast);

/** Of one seed of a campaign: of several counts of brokers it takes the next one, of topics so many as are asked for, or as its number says. */
export function extentOf(seed: number, brokers: readonly number[], topics: number | 'drawn'): Extent {
  if (topics === 'drawn' && seed % manyEvery === 0) return many;
  return { brokers: brokers[seed % brokers.length] as number, topics: topics === 'drawn' ? drawnTopicCount(seed) : topics };
}
