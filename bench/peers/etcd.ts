import { HttpLoad, makeRequest } from '../../src/lab/bench/http-load.ts';
import type { Load } from '../../src/lab/bench/measure.ts';
import { findFreePorts } from '../../src/lab/rig/index.ts';
import { eventually, PeerProcesses, versionOf } from './processes.ts';

/** etcd with its default settings, which sync before an answer; driven through its JSON gateway by the load generator that drives Cairn. */
export class Etcd {
  readonly version: string;
  readonly #processes: PeerProcesses;
  /** Of the member that leads. */
  readonly #url: string;

  private constructor(version: string, processes: PeerProcesses, url: string) {
    this.version = version;
    this.#processes = processes;
    this.#url = url;
  }

  static async start(program: string, members: number, parent: string): Promise<Etcd> {
    const processes = new PeerProcesses('etcd', parent);
    try {
      const ports = await findFreePorts(members * 2);
      const urlOf = (index: number): string => `http://127.0.0.1:${ports[index]}`;
      const peerUrlOf = (index: number): string => urlOf(members + index);
      const names = Array.from({ length: members }, (_, index) => `m${index + 1}`);
      for (const [index, name] of names.entries()) {
        const settings = {
          name,
          'data-dir': `${processes.folder}/${name}`,
          logger: 'zap',
          'log-level': 'error',
          'listen-client-urls': urlOf(index),
          'advertise-client-urls': urlOf(index),
          'listen-peer-urls': peerUrlOf(index),
          'initial-advertise-peer-urls': peerUrlOf(index),
          'initial-cluster': names.map((other, at) => `${other}=${peerUrlOf(at)}`).join(','),
        };
        processes.start(
          name,
          program,
          Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
        );
      }
      const urls = names.map((_, index) => urlOf(index));
      const leader = await eventually('etcd', () => findLeader(urls));
      return new Etcd(versionOf(program, ['--version']), processes, leader);
    } catch (error) {
      await processes.end();
      throw error;
    }
  }

  get pids(): readonly number[] {
    return this.#processes.pids;
  }

  /** Each put has a key of its own, as each append has an offset of its own. */
  load(prefix: string, connections: number, valueBytes: number): Promise<Load> {
    const value = Buffer.alloc(valueBytes, '.').toString('base64');
    // Digits are base64 too: so twelve of them can stand for the key's number.
    const body = `{"key":"${Buffer.from(prefix).toString('base64')}############","value":"${value}"}`;
    const request = makeRequest(this.#url, 'POST', '/v3/kv/put', { 'Content-Type': 'application/json' }, Buffer.from(body));
    return HttpLoad.connect({ url: this.#url, connections, request });
  }

  /** Keys that begin like this. `prefix` has a multiple of three bytes. */
  async count(prefix: string): Promise<number> {
    const last = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const answer = await post(this.#url, '/v3/kv/range', { key: base64(prefix), range_end: base64(last), count_only: true });
    return Number(answer['count'] ?? 0);
  }

  end(): Promise<void> {
    return this.#processes.end();
  }
}

async function findLeader(urls: readonly string[]): Promise<string | null> {
  for (const url of urls) {
    const { header, leader } = (await post(url, '/v3/maintenance/status', {})) as {
      readonly header?: { readonly member_id?: string };
      readonly leader?: string;
    };
    if (leader !== undefined && leader !== '0' && header?.member_id === leader) return url;
  }
  return null;
}

async function post(url: string, target: string, body: object): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(url + target, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`etcd answered ${response.status}`);
  return (await response.json()) as Readonly<Record<string, unknown>>;
}
