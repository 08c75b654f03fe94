import { digestOf, labelOf, placeOnCube } from '../../placement/index.ts';

/** Of a cluster of eight: home and its three neighbours, as in contract 3. */
export const replicasOfContract = 4;

const encoder = new TextEncoder();

/** Where the rules place a topic, home first: brokers, which are the vertices in order, from 1. */
export function brokersOf(topic: string, brokers: number, replicas: number): readonly number[] {
  const placed = placeOnCube({ digest: digestOf(encoder.encode(topic)), partition: 0, brokers, replication: replicas });
  return placed.replicas.map(({ vertex }) => vertex + 1);
}

/** The first name of this beginning whose home is this broker. */
export function topicHomedAt(broker: number, beginning: string, brokers: number): string {
  for (let number = 1; ; number++) {
    const name = `${beginning}-${number}`;
    if (brokersOf(name, brokers, 1)[0] === broker) return name;
  }
}

/** A broker as the contract writes it, `000` to `111`. */
export const labelOfBroker = (broker: number): string => labelOf(broker - 1, 3);
