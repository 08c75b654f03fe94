import { writeFileSync } from 'node:fs';
import { connect, type JetStreamClient, type JetStreamManager, type NatsConnection, StorageType } from 'nats';
import { Latencies } from '../../src/lab/bench/latencies.ts';
import type { Load, LoadRun } from '../../src/lab/bench/measure.ts';
import { findFreePorts } from '../../src/lab/rig/index.ts';
import { eventually, PeerProcesses, versionOf } from './processes.ts';

/** NATS JetStream with a replicated stream on files, driven by its own npm client. */
export class JetStream {
  readonly version: string;
  readonly #processes: PeerProcesses;
  readonly #ports: readonly number[];
  readonly #replicas: number;
  #connection: NatsConnection;

  private constructor(version: string, processes: PeerProcesses, ports: readonly number[], connection: NatsConnection) {
    this.version = version;
    this.#processes = processes;
    this.#ports = ports;
    this.#replicas = ports.length;
    this.#connection = connection;
  }

  /** By default it answers before it syncs; `syncsAlways` is its setting `sync_interval: always`. */
  static async start(program: string, syncsAlways: boolean, servers: number, parent: string): Promise<JetStream> {
    const processes = new PeerProcesses('nats', parent);
    try {
      const ports = await findFreePorts(servers * 2);
      const routes = ports.slice(servers).map((port) => `nats://127.0.0.1:${port}`);
      for (let index = 0; index < servers; index++) {
        const name = `n${index + 1}`;
        const file = `${processes.folder}/${name}.conf`;
        writeFileSync(
          file,
          configOf(name, ports[index] as number, ports[servers + index] as number, routes, processes.folder, syncsAlways),
        );
        processes.start(name, program, ['-c', file]);
      }
      const clientPorts = ports.slice(0, servers);
      const connection = await eventually('nats-server', () => connectTo(clientPorts[0] as number));
      // JetStream answers once its own leader is elected.
      await eventually('JetStream', async () => (await connection.jetstreamManager()).getAccountInfo());
      return new JetStream(versionOf(program, ['--version']), processes, clientPorts, connection);
    } catch (error) {
      await processes.end();
      throw error;
    }
  }

  get pids(): readonly number[] {
    return this.#processes.pids;
  }

  /** A stream of its own, and a client at the server that leads it. */
  async load(name: string, inFlight: number, messageBytes: number): Promise<Load> {
    const manager = await this.#connection.jetstreamManager();
    const stream = { name, subjects: [name], storage: StorageType.File, num_replicas: this.#replicas };
    await eventually('a stream of JetStream', () => manager.streams.add(stream));
    const leader = await eventually('a stream of JetStream', async () => (await manager.streams.info(name)).cluster?.leader ?? null);
    const connection = await connectTo(this.#ports[Number(leader.slice(1)) - 1] as number);
    const client = connection.jetstream();
    const payload = Buffer.alloc(messageBytes, '.');
    return { run: (forMs) => publish(client, name, payload, inFlight, forMs), close: () => void connection.close() };
  }

  async count(name: string): Promise<number> {
    const manager: JetStreamManager = await this.#connection.jetstreamManager();
    return (await manager.streams.info(name)).state.messages;
  }

  async end(): Promise<void> {
    await this.#connection.close();
    await this.#processes.end();
  }
}

const connectTo = (port: number): Promise<NatsConnection> =>
  connect({ servers: `127.0.0.1:${port}`, reconnect: false, ignoreClusterUpdates: true });

function configOf(
  name: string,
  port: number,
  clusterPort: number,
  routes: readonly string[],
  folder: string,
  syncsAlways: boolean,
): string {
  return `server_name: ${name}
listen: 127.0.0.1:${port}
jetstream { store_dir: "${folder}/${name}"${syncsAlways ? ', sync_interval: always' : ''} }
cluster { name: bench, listen: 127.0.0.1:${clusterPort}, routes: [${routes.join(', ')}] }
`;
}

function publish(client: JetStreamClient, subject: string, payload: Uint8Array, inFlight: number, forMs: number): Promise<LoadRun> {
  const latencies = new Latencies();
  const startedMs = performance.now();
  const untilMs = startedMs + forMs;
  let answered = 0;
  const worker = async (): Promise<void> => {
    for (let sentMs = startedMs; sentMs < untilMs; ) {
      await client.publish(subject, payload);
      const nowMs = performance.now();
      answered++;
      latencies.record(nowMs - sentMs);
      sentMs = nowMs;
    }
  };
  return Promise.all(Array.from({ length: inFlight }, worker)).then(() => ({
    tookMs: performance.now() - startedMs,
    answered,
    latencyMs: latencies.summary(),
  }));
}
