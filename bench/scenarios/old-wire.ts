/**
 * The old wire of contract 3 as its author measured it: one client, one request at a time, a connection each, eight peers on this machine. Every write is on the
 * disks of a majority before it is answered; the seed keeps nothing on disk. Topics exist while publish, subscribe and pull are measured, which in the seed's
 * report they did not: it timed `not found`.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { percentile } from '../../src/base/percentile.ts';
import { pause } from '../../src/lab/rig/index.ts';
import { atLeast, median, type Row } from '../figures.ts';
import type { Scenario } from '../scenario.ts';

const launcher = path.join(import.meta.dirname, '..', '..', 'compat', 'cs550', 'run_peers');
const port = 28_000;
const brokerPort = 28_100;
const peersCount = 8;
const startMsMax = 30_000;
const topicsCount = 16;

/** Requests a second: the seed's report, and the seed's program on a machine of two cores. Of delete the second one is to be beaten: the report timed `not found`. */
const figures = {
  create_publisher: { report: 569, program: 1274, least: 569 },
  create_subscriber: { report: 587, program: 1849, least: 587 },
  create_topic: { report: 111, program: 430, least: 111 },
  publish: { report: 440, program: 437, least: 440 },
  subscribe: { report: 528, program: 1207, least: 528 },
  pull: { report: 517, program: 1245, least: 517 },
  delete_topic: { report: 584, program: 371, least: 371 },
} as const;
type Api = keyof typeof figures;
const apis = Object.keys(figures) as Api[];

export const oldWireScenario: Scenario = {
  name: 'old-wire',
  about: 'each request of contract 3 on eight peers, one client, one at a time, a connection each, next to the seed’s figures',
  onlyWhenNamed: true,
  run: async (world) => {
    const { settings } = world;
    await world.quiet();
    const data = mkdtempSync(path.join(settings.folder, 'cairn-bench-wire-'));
    const child = spawn(launcher, ['--data', data, '--port', String(port), '--broker-port', String(brokerPort)], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      await allAnswer();
      const rates = new Map<Api, number[]>(apis.map((api) => [api, []]));
      const times = new Map<Api, number[]>(apis.map((api) => [api, []]));
      let published = 0;
      let readBack = 0;
      for (let round = 0; round < settings.rounds; round++) {
        settings.say(`old-wire, round ${round + 1} of ${settings.rounds}`);
        const client = new Client(round, settings.measureMs);
        for (const api of apis) {
          const took = await client.measure(api);
          const busyMs = took.reduce((sum, ms) => sum + ms, 0);
          rates.get(api)?.push((took.length / busyMs) * 1000);
          times.get(api)?.push(...took);
          if (api === 'publish') {
            published += took.length;
            readBack += await client.countMessages();
          }
        }
      }
      return {
        rows: apis.map((api): Row => {
          const sorted = (times.get(api) ?? []).sort((a, b) => a - b);
          return {
            scenario: 'old-wire',
            party: api,
            'requests/s': Math.round(median(rates.get(api) ?? [])),
            'p50 ms': percentile(sorted, 0.5),
            'p99 ms': percentile(sorted, 0.99),
            'seed, its report': figures[api].report,
            'seed, its program on 2 cores': figures[api].program,
          };
        }),
        targets: apis.map((api) => atLeast(`old wire, ${api}`, median(rates.get(api) ?? []), figures[api].least, ' requests/s')),
        counts: [{ of: 'old-wire', acknowledged: published, readBack }],
      };
    } finally {
      child.kill('SIGTERM');
      await ended;
      rmSync(data, { recursive: true, force: true });
    }
  },
};

/** What one round sends: names that no other round has. */
class Client {
  readonly #round: number;
  readonly #measureMs: number;
  readonly #topics: readonly { readonly name: string; readonly home: number }[];
  #made = 0;
  #deleted = 0;

  constructor(round: number, measureMs: number) {
    this.#round = round;
    this.#measureMs = measureMs;
    this.#topics = Array.from({ length: topicsCount }, (_, index) => this.#topic(`topic${index}`));
  }

  #topic(name: string): { readonly name: string; readonly home: number } {
    const own = `r${this.#round}-${name}`;
    return { name: own, home: homeOf(own) };
  }

  /** How long each took, ms. */
  async measure(api: Api): Promise<number[]> {
    await this.#prepare(api);
    const took: number[] = [];
    const untilMs = performance.now() + this.#measureMs;
    for (let count = 0; performance.now() < untilMs; count++) {
      const { vertex, request, expected } = this.#request(api, count);
      // Deleted is what was made in time, and no more.
      if (api === 'delete_topic' && this.#deleted > this.#made) break;
      const beganMs = performance.now();
      const answer = await ask(vertex, request);
      took.push(performance.now() - beganMs);
      if (!answer.includes(expected)) throw new Error(`${api} was answered ${answer.slice(0, 200)}`);
    }
    return took;
  }

  async #prepare(api: Api): Promise<void> {
    if (api !== 'publish') return;
    for (const { name, home } of this.#topics) await ask(home, { action: 'create_topic', publisher_id: 'p', topic: name });
  }

  #request(api: Api, count: number): { readonly vertex: number; readonly request: unknown; readonly expected: string } {
    const { name, home } = this.#topics[count % topicsCount] as { readonly name: string; readonly home: number };
    const publisher_id = `r${this.#round}-p${count}`;
    const subscriber_id = `r${this.#round}-s${Math.floor(count / topicsCount)}`;
    switch (api) {
      case 'create_publisher':
        return { vertex: 0, request: { action: api, publisher_id }, expected: 'created.' };
      case 'create_subscriber':
        return { vertex: 0, request: { action: api, subscriber_id: `r${this.#round}-s${count}` }, expected: 'created.' };
      case 'create_topic': {
        const made = this.#topic(`made${this.#made++}`);
        return { vertex: made.home, request: { action: api, publisher_id, topic: made.name }, expected: 'successfully created' };
      }
      case 'publish':
        return {
          vertex: home,
          request: { action: api, publisher_id, topic: name, content: `Benchmark message from ${publisher_id}` },
          expected: 'published',
        };
      case 'subscribe':
        return { vertex: home, request: { action: api, subscriber_id, topic: name }, expected: 'subscribed' };
      case 'pull':
        return { vertex: home, request: { action: api, subscriber_id, topic: name }, expected: '[' };
      case 'delete_topic': {
        const made = this.#topic(`made${this.#deleted++}`);
        return { vertex: made.home, request: { action: api, publisher_id, topic: made.name }, expected: 'successfully deleted' };
      }
    }
  }

  /** By somebody who did not subscribe. */
  async countMessages(): Promise<number> {
    let count = 0;
    for (const { name, home } of this.#topics) {
      const messages: unknown = JSON.parse(await ask(home, { action: 'pull', subscriber_id: 'counting', topic: name }));
      count += (messages as unknown[]).length;
    }
    return count;
  }
}

const homeOf = (topic: string): number => (createHash('sha256').update(topic).digest().at(-1) ?? 0) % peersCount;

/** A connection for each request, as the old clients. */
function ask(vertex: number, request: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port + vertex, '127.0.0.1', () => socket.write(JSON.stringify(request)));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    socket.on('error', reject);
  });
}

async function allAnswer(): Promise<void> {
  const untilMs = performance.now() + startMsMax;
  for (let vertex = 0; vertex < peersCount; ) {
    try {
      await ask(vertex, { action: 'none' });
      vertex++;
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await pause(50);
    }
  }
}
