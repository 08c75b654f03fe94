// A stand-in for a broker that serves the built page: one broker of three, with the routes that the page uses. What it answers is data that a test
// sets; so every state of the page (a broker missing, this one away, a refusal) can be had at once.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Offset, Term } from '../../src/base/branded.ts';
import type { HistorySample } from '../../src/eventlog/index.ts';
import { loadPage } from '../../src/gateway/http/api/page.ts';
import { RecordBatchBuilder, setPlacement } from '../../src/record/index.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { PAGE } from './page-build.ts';

export interface FakeRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly value?: string;
  readonly valueBase64?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class FakeBroker {
  readonly records: FakeRecord[] = [];
  readonly missing = new Set<number>();
  /** Every connection is destroyed without a byte, as in contract 2's crashed state. */
  isAway = false;
  /** Connections are taken and nothing is answered, as by a process that was stopped; streams stay open and say nothing. */
  isStopped = false;
  refusal: { readonly status: number; readonly code: string; readonly message: string; readonly definite: boolean } | null = null;
  token: string | null = null;
  readonly requestIds: (string | undefined)[] = [];
  /** Of the cluster; this broker is the first. */
  ids: readonly number[] = [1, 2, 3];
  /** Samples of each broker's history; null: that it keeps none. */
  history: Readonly<Record<number, readonly HistorySample[] | null>> | null = {};
  /** What the brokers told of themselves. */
  readonly events: object[] = [];
  /** Where topics are, by name; others are on all brokers. */
  readonly placements: Record<string, object> = {};
  /** What a search was asked, and how it is answered: lines of NDJSON; without an end it stays under way. */
  readonly searches: Record<string, unknown>[] = [];
  found: readonly object[] = [];
  endsSearches = true;
  /** Searches whose asker went away. */
  searchesClosed = 0;
  /** By name; `log` is the one that holds the records. */
  readonly topics = new Map<string, object>([
    ['log', { builtIn: true }],
    ['cairn.events', { builtIn: true }],
  ]);
  /** Bodies of the requests that made topics. */
  readonly created: object[] = [];
  readonly #server: Server;
  readonly #followers = new Set<ServerResponse>();
  readonly #startedMs = Date.now() - 754_000;
  #term = 3;
  /** Offsets without a record; the first leader's entry has the first of them. */
  #skipped = 1;
  /** Terms of the records, by offset. */
  readonly #terms = new Map<number, number>();

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Breaks the streams that are under way. */
  dropFollowers(): void {
    for (const follower of this.#followers) follower.destroy();
  }

  append(value: string, more: Partial<FakeRecord> = {}): number {
    return this.#add({ offset: this.#end, timestamp: Date.now(), value, ...more });
  }

  appendBytes(bytes: Uint8Array): number {
    return this.#add({ offset: this.#end, timestamp: Date.now(), valueBase64: Buffer.from(bytes).toString('base64') });
  }

  /** A new leader begins its term with an entry of its own, which is no record. */
  elect(): void {
    this.#term++;
    this.#skipped++;
  }

  get #end(): number {
    return this.records.length + this.#skipped;
  }

  #add(record: FakeRecord): number {
    this.records.push(record);
    this.#terms.set(record.offset, this.#term);
    for (const follower of this.#followers) follower.write(eventOf(record));
    return record.offset;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (this.isAway) {
      request.socket.destroy();
      return;
    }
    if (this.isStopped) return;
    const isApi = url.pathname.startsWith('/v1/');
    if (isApi && this.token !== null && request.headers.authorization !== `Bearer ${this.token}`) {
      json(response, 401, { error: { code: 'unauthorized', message: 'Cannot answer: the token is missing or wrong', definite: true } });
    } else if (url.pathname === '/') {
      const page = loadPage(path.dirname(PAGE));
      response.writeHead(200, page.headers);
      response.end(page.html);
    } else if (url.pathname === '/v1/status') {
      json(response, 200, this.#status(1));
    } else if (url.pathname === '/v1/brokers') {
      const brokers = this.ids.map((id) => ({
        id,
        address: `127.0.0.1:${7999 + id}`,
        status: this.missing.has(id) ? null : this.#status(id),
        clock: this.missing.has(id) ? null : { aheadMs: [0, 12.34, -1840][id - 1] ?? 0, errorMs: 0.6 },
      }));
      json(response, 200, { brokers, partial: this.missing.size > 0, missing: [...this.missing] });
    } else if (url.pathname === '/v1/brokers/history') {
      if (this.history === null)
        return json(response, 404, { error: { code: 'unknownRoute', message: 'There is no such path', definite: true } });
      const brokers = this.ids.map((id) => ({ id, address: '', samples: this.missing.has(id) ? null : (this.history?.[id] ?? []) }));
      json(response, 200, { everyMs: 5000, spanMs: 900_000, brokers, missing: [...this.missing] });
    } else if (url.pathname === '/v1/topics/cairn.events/records' && url.searchParams.get('follow') !== 'true') {
      const from = Number(url.searchParams.get('from') ?? 0);
      const records = this.events.map((event, offset) => ({ offset, timestamp: Date.now(), value: JSON.stringify(event) })).slice(from);
      json(response, 200, { records, offsetNext: this.events.length, highWatermark: this.events.length });
    } else if (url.pathname.endsWith('/placement')) {
      const topic = decodeURIComponent(url.pathname.split('/')[3] ?? '');
      if (topic !== 'gone') json(response, 200, this.placements[topic] ?? this.#placement(topic));
      else
        json(response, 404, {
          error: { code: 'unknownTopic', message: 'Cannot explain the topic: there is no such topic', definite: true },
        });
    } else if (url.pathname === '/v1/topics') {
      await this.#answerTopics(request, url, response);
    } else if (url.pathname.startsWith('/v1/topics/gone')) {
      json(response, 404, {
        error: { code: 'unknownTopic', message: 'Cannot describe topic "gone": there is no such topic', definite: true },
      });
    } else if (/^\/v1\/topics\/[^/]+$/.test(url.pathname)) {
      const name = decodeURIComponent(url.pathname.slice('/v1/topics/'.length));
      if (request.method === 'DELETE') {
        this.topics.delete(name);
        response.writeHead(204).end();
      } else json(response, 200, this.#topic(name));
    } else if (url.pathname === '/v1/grep/machines') {
      json(response, 200, { machines: [1, 2, 3].map((id) => ({ name: `m${id}`, origin: `http://127.0.0.1:${7999 + id}` })) });
    } else if (url.pathname === '/v1/grep') {
      this.searches.push(JSON.parse(await textOf(request)) as Record<string, unknown>);
      response.on('close', () => {
        if (!response.writableEnded) this.searchesClosed++;
      });
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write(this.found.map((each) => `${JSON.stringify(each)}\n`).join(''));
      if (this.endsSearches) response.end();
    } else if (request.method === 'POST') {
      this.requestIds.push(request.headers['cairn-request-id'] as string | undefined);
      const body = JSON.parse(await textOf(request)) as { readonly value: string };
      if (this.refusal === null) {
        const offset = this.append(body.value);
        const level = url.searchParams.get('level') ?? 'quorum';
        const ackedBy = level === 'leader' ? [1] : [1, 2];
        json(response, 200, {
          topic: 'log',
          partition: 0,
          offset,
          count: 1,
          term: this.#term,
          level,
          ackedBy,
          committed: level !== 'leader',
          durable: true,
          duplicate: false,
          timestampMs: Date.now(),
        });
      } else {
        json(response, this.refusal.status, { error: this.refusal });
      }
    } else if (url.searchParams.get('follow') !== 'true') {
      this.#read(url.searchParams, response);
    } else {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const from = Number(url.searchParams.get('from'));
      for (const record of this.records) if (record.offset >= from) response.write(eventOf(record));
      this.#followers.add(response);
      response.on('close', () => this.#followers.delete(response));
    }
  }

  async #answerTopics(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    if (request.method === 'POST') {
      const { name, ...settings } = JSON.parse(await textOf(request)) as { readonly name: string };
      this.created.push({ name, ...settings });
      this.topics.set(name, { settings });
      json(response, 201, this.#topic(name));
      return;
    }
    const [prefix, after] = ['prefix', 'after'].map((name) => url.searchParams.get(name) ?? '') as [string, string];
    const limit = Number(url.searchParams.get('limit') ?? 1000);
    const names = [...this.topics.keys()].filter((name) => name.startsWith(prefix)).toSorted();
    const shown = names.filter((name) => name > after).slice(0, limit);
    const last = shown.at(-1);
    const next = last !== undefined && last !== names.at(-1) ? last : null;
    json(response, 200, { topics: shown.map((name) => this.#topic(name)), count: names.length, next });
  }

  #topic(name: string): object {
    const settings = { retentionBytes: null };
    return { name, builtIn: false, settings, createdMs: this.#startedMs, partition: this.#partition(1), ...this.topics.get(name) };
  }

  /** A stretch of the records, as JSON or in batches. */
  #read(query: URLSearchParams, response: ServerResponse): void {
    const sinceMs = query.get('since');
    const first = sinceMs === null ? undefined : (this.records.find(({ timestamp }) => timestamp >= Number(sinceMs))?.offset ?? this.#end);
    const from = first ?? Number(query.get('from'));
    const records = this.records.filter(({ offset }) => offset >= from);
    if (query.get('format') === 'batches') {
      const [record] = records;
      response.writeHead(200).end(record === undefined ? '' : this.#timedBatch(record));
      return;
    }
    const given = records.slice(0, Number(query.get('max') ?? 1000));
    const offsetNext = given.length < records.length ? (given.at(-1)?.offset ?? from - 1) + 1 : this.#end;
    const asked = query.get('logTime') === 'true';
    json(response, 200, {
      offsetFrom: from,
      offsetNext,
      highWatermark: this.#end,
      logStartOffset: 0,
      records: given.map((record) => ({ key: null, headers: {}, ...record, ...(asked ? { logTime: record.timestamp + 5 } : {}) })),
    });
  }

  #timedBatch({ offset, timestamp, value = '' }: FakeRecord): Uint8Array {
    const builder = new RecordBatchBuilder();
    builder.add(timestamp, null, Buffer.from(value));
    const batch = builder.finish(systemBytes, { id: 77, epoch: 0, baseSequence: 4 });
    setPlacement(batch, offset as Offset, (this.#terms.get(offset) ?? 0) as Term);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(timestamp + 5));
    return Buffer.concat([time, batch]);
  }

  #placement(topic: string): object {
    const replicas = this.ids.map((broker) => ({
      broker,
      why: 'all',
      bit: null,
      reachable: true,
      matchOffset: broker === 3 ? 0 : this.#end,
    }));
    const common = { vertex: null, folded: [], awayFromHome: false, leaderSinceMs: null, notLedByHome: null, lossesSurvived: 1 };
    const partitions = [{ partition: 0, group: 2, replicas, leader: 2, term: this.#term, route: [1, 2], ...common }];
    const brokers = this.ids.map((id, vertex) => ({ id, vertex, reachable: !this.missing.has(id) }));
    return { topic, placement: 'all', hash: '', dimensions: 2, asked: 1, brokers, partitions };
  }

  #partition(id: number): object {
    const end = this.#end;
    return {
      role: id === 2 ? 'leader' : 'follower',
      leader: 2,
      term: this.#term,
      replicas: [1, 2, 3],
      logStartOffset: 0,
      highWatermark: id === 3 ? Math.max(0, end - 2) : end,
      endOffset: end,
      syncedOffset: end,
      sizeBytes: 1_234_567 * id,
      segmentCount: 1,
      unreadableRanges: 0,
      followers: [],
      fenced: null,
    };
  }

  #status(id: number): object {
    const wave = Math.sin(Date.now() / 7000 + id);
    return {
      id,
      clusterId: 'fake',
      incarnation: 1,
      version: '0.1.0',
      address: `127.0.0.1:${7999 + id}`,
      durable: true,
      crashed: false,
      startedMs: this.#startedMs,
      partitions: [{ topic: 'log', ...this.#partition(id) }],
      peers: this.ids.filter((peer) => peer !== id).map((peer) => ({ id: peer, problem: null })),
      counters: { syncMsP99: 1.6 + wave },
    };
  }
}

function eventOf(record: FakeRecord): string {
  return `id: ${record.offset}\ndata: ${JSON.stringify({ key: null, headers: {}, ...record })}\n\n`;
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
