/** What the scenarios of a run share: brokers, the bare loop and peers, each started when it is first asked for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { assert } from '../src/base/assert.ts';
import { LabBrokers } from '../src/lab/brokers.ts';
import { findLeader } from '../src/lab/load/index.ts';
import { Driver, surroundingsWithDriver } from './inside/orders.ts';
import { Limit, type LimitResult } from './limit/limit.ts';
import { Etcd } from './peers/etcd.ts';
import { JetStream } from './peers/jetstream.ts';

export interface WorldSettings {
  readonly brokers: number;
  readonly recordBytes: number;
  readonly measureMs: number;
  readonly warmUpMs: number;
  /** Each party of a comparison is measured so often; the median counts. */
  readonly rounds: number;
  readonly kills: number;
  readonly bigBytes: number;
  readonly soakMs: number;
  /** On the disk that is measured. */
  readonly folder: string;
  readonly say: (line: string) => void;
}

export interface Place {
  readonly brokers: LabBrokers;
  readonly topic: string;
  readonly leader: number;
}

export class World {
  readonly settings: WorldSettings;
  /** For what is kept during the run only. */
  readonly folder: string;
  /** Peers that are not there, in a sentence each. */
  readonly missing: string[] = [];
  #limit: Promise<Limit> | null = null;
  #brokers: Promise<LabBrokers> | null = null;
  #etcd: Promise<Etcd | null> | null = null;
  #jetStream: Promise<JetStream | null> | null = null;
  #topics = 0;
  #clusters = 0;
  readonly #sockets = new Map<LabBrokers, (id: number) => string>();

  constructor(settings: WorldSettings) {
    this.settings = settings;
    // Short: the path of a socket has at most 107 bytes.
    this.folder = mkdtempSync(path.join(tmpdir(), 'cairn-bench-'));
    process.once('exit', () => rmSync(this.folder, { recursive: true, force: true }));
  }

  brokers(): Promise<LabBrokers> {
    this.#brokers ??= this.startBrokers();
    return this.#brokers;
  }

  /** Brokers of a scenario's own. */
  async startBrokers(count = this.settings.brokers): Promise<LabBrokers> {
    this.settings.say(`Starting ${count} brokers`);
    const cluster = ++this.#clusters;
    const socketOf = (id: number): string => path.join(this.folder, `${cluster}-${id}.sock`);
    const surroundings = (id: number) => surroundingsWithDriver(socketOf(id));
    const brokers = await LabBrokers.start({ count, parent: this.settings.folder, surroundings });
    this.#sockets.set(brokers, socketOf);
    return brokers;
  }

  /** To drive a broker from inside. */
  driver(brokers: LabBrokers, id: number): Driver {
    const socketOf = this.#sockets.get(brokers);
    assert(socketOf !== undefined, 'these brokers are of this world');
    return new Driver(socketOf(id));
  }

  /** A topic that nobody has used, and the broker that leads it. */
  async freshTopic(on?: LabBrokers, retentionBytes: number | null = null): Promise<Place> {
    const brokers = on ?? (await this.brokers());
    const client = brokers.client();
    const topic = `bench-${++this.#topics}`;
    await client.createTopic(topic, { retentionBytes });
    client.close();
    return { brokers, topic, leader: await findLeader(brokers, topic) };
  }

  /** The bare loop with as many replicas as there are brokers. */
  async limit(inFlight: number, recordsPerAppend = 1): Promise<LimitResult> {
    const { brokers, recordBytes, measureMs, warmUpMs, folder } = this.settings;
    this.#limit ??= Limit.start(brokers, folder);
    return (await this.#limit).measure({ inFlight, recordsPerAppend, recordBytes, warmUpMs, measureMs });
  }

  /** Null when it is not installed, or does not start: that is no reason to measure nothing else. */
  etcd(): Promise<Etcd | null> {
    this.#etcd ??= this.#peer('etcd (Debian package etcd-server)', () => Etcd.start(this.settings.brokers, this.settings.folder));
    return this.#etcd;
  }

  /** As `etcd`. */
  jetStream(): Promise<JetStream | null> {
    this.#jetStream ??= this.#peer('nats-server (Debian package nats-server)', () =>
      JetStream.start(this.settings.brokers, this.settings.folder),
    );
    return this.#jetStream;
  }

  async #peer<Peer>(name: string, start: () => Promise<Peer | null>): Promise<Peer | null> {
    try {
      const peer = await start();
      if (peer === null) this.missing.push(`${name} is not installed: left out`);
      return peer;
    } catch (error) {
      this.missing.push(`${name} does not start: left out: ${(error as Error).message}`);
      return null;
    }
  }

  /** Ends everything that runs: for a scenario with brokers of its own, which should have the machine for itself. */
  async quiet(): Promise<void> {
    const running = [this.#limit, this.#etcd, this.#jetStream, this.#brokers];
    this.#limit = this.#etcd = this.#jetStream = this.#brokers = null;
    for (const each of running) await (await each?.catch(() => null))?.end();
  }

  async end(): Promise<void> {
    await this.quiet();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
