import { toHex } from '../base/bytes.ts';
import type { Cube, Holds } from './cube.ts';
import { type CubePlace, digestOf, placeOnCube } from './hypercube.ts';
import { type Route, routeBetween } from './routes.ts';

/** Why a partition is where it is, as values from which sentences are made. */
export interface Explanation extends CubePlace {
  readonly partition: number;
  /** SHA-256 of the topic's exact bytes, in hexadecimal. */
  readonly hash: string;
  readonly dimensions: number;
  /** So many of the replicas can be lost and the rest is still a majority. */
  readonly lossesSurvived: number;
  /** From the broker that is asked to the home. */
  readonly route: Route;
}

export interface ExplainOptions {
  readonly topic: Uint8Array;
  readonly partition: number;
  readonly replication: number;
  /** The broker that is asked. */
  readonly from: number;
  readonly isAlive: Holds;
}

/** Of a place that was assigned by the rules: among all brokers, whoever lives now. */
export function explainPlace(cube: Cube, { topic, partition, replication, from, isAlive }: ExplainOptions): Explanation {
  const digest = digestOf(topic);
  const place = placeOnCube({ digest, partition, brokers: cube.brokers, replication });
  const home = place.replicas[0]?.vertex as number;
  const living = place.replicas.filter(({ vertex }) => isAlive(vertex)).length;
  const majority = Math.floor(place.replicas.length / 2) + 1;
  return {
    ...place,
    partition,
    hash: toHex(digest),
    dimensions: cube.dimensions,
    lossesSurvived: Math.max(0, living - majority),
    route: routeBetween(cube, from, home, isAlive),
  };
}
