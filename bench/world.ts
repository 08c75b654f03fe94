/** What the scenarios of a run share: brokers and the bare loop, each started when it is first asked for. */
import { Limit, type LimitResult } from './limit/limit.ts';
import { LabBrokers } from '../src/lab/brokers.ts';
import { findLeader } from '../src/lab/bench/http-appends.ts';

export interface WorldSettings {
  readonly brokers: number;
  readonly recordBytes: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Each pair of measurements is made so often; the median counts. */
  readonly rounds: number;
  readonly say: (line: string) => void;
}

export class World {
  readonly settings: WorldSettings;
  #limit: Promise<Limit> | null = null;
  #brokers: Promise<LabBrokers> | null = null;
  #topics = 0;

  constructor(settings: WorldSettings) {
    this.settings = settings;
  }

  brokers(): Promise<LabBrokers> {
    this.#brokers ??= LabBrokers.start({ count: this.settings.brokers });
    return this.#brokers;
  }

  /** A topic that nobody has used, and the broker that leads it. */
  async freshTopic(): Promise<{ readonly topic: string; readonly leader: number }> {
    const brokers = await this.brokers();
    const client = brokers.client();
    const topic = `bench-${++this.#topics}`;
    await client.createTopic(topic, { retentionBytes: null });
    const leader = await findLeader(client, topic);
    client.close();
    return { topic, leader };
  }

  async limit(inFlight: number, recordsPerAppend = 1): Promise<LimitResult> {
    const { brokers, recordBytes, seconds } = this.settings;
    this.#limit ??= Limit.start(brokers);
    return (await this.#limit).measure({ inFlight, recordsPerAppend, recordBytes, seconds });
  }

  async end(): Promise<void> {
    (await this.#limit)?.end();
    await (await this.#brokers)?.end();
  }
}
