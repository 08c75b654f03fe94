/**
 * How long after the acknowledgement of an append its record reaches those who follow the topic: one on the leader, one on each other broker. Writer and followers are one
 * process, so there is one clock; a record that comes before its acknowledgement has a delay below zero.
 */
import { connect, type Socket } from 'node:net';
import { makeAppendRequest } from '../../src/lab/bench/append-request.ts';
import { HttpLoad } from '../../src/lab/bench/http-load.ts';
import { percentile } from '../../src/base/percentile.ts';
import { pause } from '../../src/lab/rig/index.ts';
import { atMost, type Row } from '../figures.ts';
import type { Scenario } from '../scenario.ts';

const pauseMs = 4;
const waitMsMax = 5_000;

export const followScenario: Scenario = {
  name: 'follow',
  about: 'from the acknowledgement of an append to its record at a follower of the topic, on every broker',
  run: async (world) => {
    const { settings } = world;
    const { brokers, topic, leader } = await world.freshTopic();
    const url = brokers.url(leader);
    const followers = await Promise.all(brokers.ids.map((id) => Follower.open(brokers.url(id), topic)));
    const request = makeAppendRequest(url, { topic, form: 'text', recordBytes: settings.recordBytes, recordsPerRequest: 1 });
    const load = await HttpLoad.connect({ url, connections: 1, request });
    const acknowledgedMs: number[] = [0];
    const untilMs = performance.now() + settings.measureMs * 2;
    while (performance.now() < untilMs) {
      // A run of no time is one append.
      await load.run(0);
      acknowledgedMs.push(performance.now());
      await pause(pauseMs);
    }
    load.close();
    const acknowledged = acknowledgedMs.length - 1;
    for (const endMs = performance.now() + waitMsMax; performance.now() < endMs; await pause(10)) {
      if (followers.every((follower) => follower.count >= acknowledged)) break;
    }
    const rows: Row[] = [];
    const targets = [];
    for (const [index, id] of brokers.ids.entries()) {
      const follower = followers[index] as Follower;
      follower.close();
      const delays = follower.arrivedMs.flatMap((ms, number) => (ms === undefined ? [] : [ms - (acknowledgedMs[number] as number)]));
      delays.sort((a, b) => a - b);
      const where = id === leader ? 'the leader' : `a follower, broker ${id}`;
      rows.push({
        scenario: 'follow',
        party: `Cairn, ${where}`,
        records: delays.length,
        'p50 ms': percentile(delays, 0.5),
        'p99 ms': percentile(delays, 0.99),
        'max ms': delays.at(-1) ?? 0,
      });
      targets.push(atMost(`follow on ${where}: p50 after the acknowledgement`, percentile(delays, 0.5), 2, ' ms'));
    }
    const client = brokers.client();
    await client.deleteTopic(topic);
    client.close();
    return {
      rows,
      targets,
      counts: followers.map((follower, index) => ({
        of: `follow on broker ${brokers.ids[index]}`,
        acknowledged,
        readBack: follower.count,
      })),
    };
  },
};

/** Takes what comes as it comes: of a record nothing but its number is looked at. */
class Follower {
  /** By the number of the record. */
  readonly arrivedMs: (number | undefined)[] = [];
  readonly #socket: Socket;
  #rest = '';
  count = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk.toString('latin1')));
    socket.on('error', () => undefined);
  }

  static open(url: string, topic: string): Promise<Follower> {
    const { hostname, port, host } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => {
        socket.write(`GET /v1/topics/${topic}/records?follow=true&from=0&level=local&format=ndjson HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      });
      socket.once('error', reject);
      // The head of the answer: from now on everything is followed.
      socket.once('data', (chunk: Buffer) => {
        if (chunk.includes('HTTP/1.1 200')) resolve(new Follower(socket));
        else reject(new Error(`Cannot follow: ${chunk.toString('latin1', 0, 100)}`));
      });
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    const nowMs = performance.now();
    const all = this.#rest + text;
    let at = 0;
    for (const found of all.matchAll(/"value":"(\d{12})/g)) {
      this.arrivedMs[Number(found[1])] ??= nowMs;
      this.count++;
      at = found.index + found[0].length;
    }
    this.#rest = all.slice(Math.max(at, all.length - 32));
  }
}
