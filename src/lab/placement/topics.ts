import type { SeededRandom } from '../../base/random.ts';
import { digestOf } from '../../placement/index.ts';

export interface Topic {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly digest: Uint8Array;
}

const characters = 'abcdefghijklmnopqrstuvwxyz0123456789._-';

/** Distinct, of 4 to 24 characters. */
export function drawTopics(count: number, random: SeededRandom): Topic[] {
  const names = new Set<string>();
  while (names.size < count) {
    names.add(Array.from({ length: random.between(4, 24) }, () => characters[random.below(characters.length)]).join(''));
  }
  return [...names].map(topicOf);
}

export function topicOf(name: string): Topic {
  const bytes = new TextEncoder().encode(name);
  return { name, bytes, digest: digestOf(bytes) };
}

/** As a cluster's: vertex v is the broker of id v + 1. */
export const idsOf = (brokers: number): number[] => Array.from({ length: brokers }, (_, vertex) => vertex + 1);
