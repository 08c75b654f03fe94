/**
 * Requests at the edges of what they can carry, to brokers in a simulated cluster: every parameter of every route as the API document names it. Each is
 * answered, and no broker ends.
 */
import assert from 'node:assert/strict';
import { type SimulatedGateways, startSimulatedGateways } from './simulated-gateways.ts';

interface Schema {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly enum?: readonly string[];
}

export interface Parameter {
  readonly in: 'query' | 'header' | 'path';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
}

type Given = ReadonlyMap<Parameter, string>;

/** Where numbers stop fitting what holds them: bytes, 31 and 32 bits, a time of 48 bits, a number that JSON and JavaScript keep. */
const numberEdges = [2 ** 8, 2 ** 15, 2 ** 16, 2 ** 31, 2 ** 32, 2 ** 47, 2 ** 48, 10 ** 15, 2 ** 52, 2 ** 53];
export const numbers = [0, -1, 1, Number.MIN_SAFE_INTEGER, ...numberEdges.flatMap((edge) => [edge - 1, edge, edge + 1])];
const oddNumbers = ['', ' ', '-0', '+1', '1e3', '1e400', '0x10', '1.5', 'NaN', 'Infinity', '9'.repeat(15), '9'.repeat(16), '9'.repeat(400)];
const lengths = [0, 1, 15, 16, 200, 255, 256, 1025];
const oddTexts = [
  '.',
  '..',
  '/',
  '%',
  '\0',
  '\u{10ffff}',
  '__proto__',
  'constructor',
  '2026-11-30',
  '0001-01-01',
  '-271821-04-20',
  '9999-12-31T23:59Z',
];

export function edgesOf({ in: place, name, schema }: Parameter): string[] {
  const bounds = [schema.minimum, schema.maximum, schema.minLength, schema.maxLength].filter((bound) => bound !== undefined);
  const own = bounds.flatMap((bound) => [bound - 1, bound, bound + 1]);
  const long = [...lengths, ...own.filter((length) => length >= 0 && length < 5000)];
  const texts = ['a', 'é'].flatMap((letter) => long.map((length) => letter.repeat(length)));
  const all = [...(schema.enum ?? []), 'true', 'end', ...numbers.map(String), ...own.map(String), ...oddNumbers, ...texts, ...oddTexts];
  if (name === 'topic') all.push('log', 'cairn.events', 'orders');
  // What fits no header line is no header.
  return [...new Set(all)].filter((text) => place !== 'header' || (/^[\t\x20-\x7e\x80-\xff]*$/.test(text) && text.trim() === text));
}

/** What a parameter is when another one is looked at. */
const usual = ({ name }: Parameter): string => (name === 'topic' ? 'log' : 'a');

export const words = { headers: { 'Content-Type': 'text/plain' }, body: 'a word' };
export const bodyFor = ({ method, path }: Operation): RequestInit | undefined => {
  if (method !== 'POST') return undefined;
  return path.endsWith('/records') ? words : { headers: { 'Content-Type': 'application/json' }, body: '{"name":"orders"}' };
};

/** Routes that end or stop the broker are asked elsewhere. */
export const isAsked = ({ method, path }: Operation): boolean => path.startsWith('/v1/') && method !== 'DELETE';

/** Where requests go: a leader, and a follower, whose way to the leader has ranges of its own. */
export class EdgeRequests {
  readonly cluster: SimulatedGateways;
  readonly leader: number;
  readonly follower: number;
  readonly operations: readonly Operation[];

  private constructor(cluster: SimulatedGateways, operations: readonly Operation[]) {
    this.cluster = cluster;
    this.leader = cluster.rig.awaitLeader('log');
    this.follower = cluster.rig.follower('log');
    this.operations = operations;
  }

  static async start(): Promise<EdgeRequests> {
    const cluster = await startSimulatedGateways();
    cluster.rig.createTopic('orders');
    const leader = cluster.rig.awaitLeader('log');
    cluster.rig.appended(leader, ['one', 'two']);
    const document = (await (await fetch(`${urlOf(cluster, leader)}/openapi.json`)).json()) as {
      readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly parameters?: readonly Parameter[] }>>>>;
    };
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { parameters = [] }]) => ({ method: method.toUpperCase(), path, parameters })),
    );
    return new EdgeRequests(cluster, operations);
  }

  close(): Promise<void> {
    return this.cluster.close();
  }

  urlOf(broker: number): string {
    return urlOf(this.cluster, broker);
  }

  /** The status of the answer; fails when there is none, or when it is an internal error. */
  async ask(broker: number, { method, path, parameters }: Operation, given: Given, body?: RequestInit): Promise<number> {
    let url = path;
    const query = new URLSearchParams();
    const headers = new Headers(body?.headers);
    for (const parameter of parameters) {
      const text = given.get(parameter) ?? (parameter.required === true ? usual(parameter) : undefined);
      if (text === undefined) continue;
      if (parameter.in === 'path') url = url.replace(`{${parameter.name}}`, encodeURIComponent(text));
      else if (parameter.in === 'query') query.set(parameter.name, text);
      else headers.set(parameter.name, text);
    }
    // With dots or nothing for a name it is another path, and a PUT elsewhere is closed without a byte (contract 2).
    const { pathname } = new URL(url, this.urlOf(broker));
    if (method === 'PUT' && !/^\/v1\/subscribers\/[^/]+\/topics\/[^/]+$/.test(pathname)) return 404;
    const what = `${method} ${url}?${query} ${JSON.stringify([...headers])} at broker ${broker}`;
    const response = await fetch(`${this.urlOf(broker)}${url}?${query}`, { ...body, method, headers }).catch((error: unknown) => {
      throw new Error(`${what} was not answered`, { cause: error });
    });
    // What is followed does not end.
    const isFollowed = response.status === 200 && response.headers.get('content-length') === null;
    const text = isFollowed ? '' : await response.text();
    if (isFollowed) await response.body?.cancel();

    assert.notEqual(response.status, 500, `${what}: ${text.slice(0, 300)}`);
    return response.status;
  }

  expectAllUp(): void {
    assert.deepEqual(this.cluster.rig.violations, []);
    for (const { id, broker } of this.cluster.rig.cluster.members) assert.notEqual(broker, null, `broker ${id}`);
  }

  /**
   * Asks with every parameter at each of its edges, the others as usual.
   * @param brokersFor whom to ask with the edge at this index
   * @returns the statuses of the answers, and how many they were
   */
  async sweep(brokersFor: (index: number) => readonly number[]): Promise<{ statuses: Set<number>; count: number }> {
    const statuses = new Set<number>();
    let count = 0;
    for (const operation of this.operations.filter(isAsked)) {
      for (const parameter of operation.parameters) {
        const asked = edgesOf(parameter).flatMap((edge, index) =>
          brokersFor(index).map((broker) => this.ask(broker, operation, new Map([[parameter, edge]]), bodyFor(operation))),
        );
        for (const status of await Promise.all(asked)) statuses.add(status);
        count += asked.length;
        this.expectAllUp();
      }
    }
    return { statuses, count };
  }
}

const urlOf = (cluster: SimulatedGateways, broker: number): string => (cluster.gateways.get(broker) as { url: string }).url;
