/** What the scenarios of a run share: brokers, the bare loop and peers, each started when it is first asked for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { assert } from '../src/base/assert.ts';
import { findLeader, LabBrokers } from '../src/lab/rig/index.ts';
import { Driver, surroundingsWithDriver } from './inside/orders.ts';
import { Limit, type LimitResult } from './limit/limit.ts';
import { type BuildName, findBuild, howToGet, type PeerName } from './peers/builds.ts';
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
  /** Of each file that is searched, and of the topic. */
  readonly fileBytes: number;
  readonly topicBytes: number;
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
  readonly #peers = new Map<string, Promise<Etcd | JetStream | null>>();
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
  async startBrokers(count = this.settings.brokers, flags: Readonly<Record<string, string>> = {}): Promise<LabBrokers> {
    this.settings.say(`Starting ${count} brokers`);
    const cluster = ++this.#clusters;
    const socketOf = (id: number): string => path.join(this.folder, `${cluster}-${id}.sock`);
    const surroundings = (id: number) => surroundingsWithDriver(socketOf(id));
    const brokers = await LabBrokers.start({ count, parent: this.settings.folder, surroundings, flags });
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

  /** Null when it is not there, or does not start: that is no reason to measure nothing else. */
  etcd(build: BuildName): Promise<Etcd | null> {
    return this.#peer('etcd', build, '', (program) => Etcd.start(program, this.settings.brokers, this.settings.folder));
  }

  /** As `etcd`. */
  jetStream(build: BuildName, syncsAlways: boolean): Promise<JetStream | null> {
    return this.#peer('nats-server', build, syncsAlways ? ' that syncs always' : '', (program) =>
      JetStream.start(program, syncsAlways, this.settings.brokers, this.settings.folder),
    );
  }

  #peer<Peer extends Etcd | JetStream>(
    name: PeerName,
    build: BuildName,
    how: string,
    start: (program: string) => Promise<Peer>,
  ): Promise<Peer | null> {
    const what = `${name}${how}, ${build}`;
    const running = this.#peers.get(what) as Promise<Peer | null> | undefined;
    if (running !== undefined) return running;
    const peer = this.#startPeer(what, findBuild(name, build), howToGet[build], start);
    this.#peers.set(what, peer);
    return peer;
  }

  async #startPeer<Peer>(
    what: string,
    program: string | null,
    how: string,
    start: (program: string) => Promise<Peer>,
  ): Promise<Peer | null> {
    if (program === null) {
      this.#lacks(`${what}: left out, it is not there (${how})`);
      return null;
    }
    try {
      this.settings.say(`Starting ${what}`);
      return await start(program);
    } catch (error) {
      this.#lacks(`${what}: left out, it does not start: ${(error as Error).message}`);
      return null;
    }
  }

  #lacks(sentence: string): void {
    if (!this.missing.includes(sentence)) this.missing.push(sentence);
  }

  /** Ends everything that runs: for a scenario with brokers of its own, which should have the machine for itself. */
  async quiet(): Promise<void> {
    const running = [this.#limit, ...this.#peers.values(), this.#brokers];
    this.#limit = this.#brokers = null;
    this.#peers.clear();
    for (const each of running) await (await each?.catch(() => null))?.end();
  }

  async end(): Promise<void> {
    await this.quiet();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
