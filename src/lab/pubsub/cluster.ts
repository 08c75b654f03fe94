import type { Client } from '../../client/index.ts';
import { type LinkFault, LogError } from '../../eventlog/index.ts';
import { LabBrokers, pause } from '../rig/index.ts';
import { Http } from './http.ts';
import { topicHomedAt } from './topics.ts';

/** Contract 3 has eight peers, `000` to `111`: brokers 1 to 8. */
export const brokerCount = 8;

/** A home that is back leads its topics again after this time and not after half a minute, so that a lab of some minutes sees it. */
export const homecomingAfterMs = 1000;
const waitMsMax = 60_000;

/** Eight brokers as processes, with the old wire and faults by hand. */
export class Cluster {
  readonly brokers: LabBrokers;
  readonly http = new Http();

  private constructor(brokers: LabBrokers) {
    this.brokers = brokers;
  }

  static async start(): Promise<Cluster> {
    const flags = { faultInjection: true };
    return new Cluster(await LabBrokers.start({ count: brokerCount, oldWire: true, flags, settings: { homecomingAfterMs } }));
  }

  get ids(): readonly number[] {
    return this.brokers.ids;
  }

  url(broker: number): string {
    return this.brokers.url(broker);
  }

  /** A topic homed at each broker, in their order, with so many replicas. */
  async topicAtEach(beginning: string, replicas: number): Promise<readonly string[]> {
    const names = this.ids.map((broker) => topicHomedAt(broker, beginning, brokerCount));
    for (const name of names) await this.http.json(this.url(1), 'POST', '/v1/topics', { name, replicas });
    for (const [index, name] of names.entries()) await this.ledBy(name, index + 1);
    return names;
  }

  /** Waits until a topic is led by this broker; of all brokers one that lives is asked. */
  async ledBy(topic: string, broker: number): Promise<void> {
    await this.until(`${topic} is led by broker ${broker}`, async () => (await this.leaderOf(topic)) === broker);
  }

  /** As the first broker that runs says; null where it knows none. */
  async leaderOf(topic: string): Promise<number | null> {
    const asked = this.ids.find((id) => this.brokers.isRunning(id)) as number;
    const answer = await this.http.json(this.url(asked), 'GET', `/v1/topics/${topic}`);
    return (answer as { readonly partition: { readonly leader: number | null } }).partition.leader;
  }

  /** What fails meanwhile is asked again. Rejects where it is not so within a minute. */
  async until(what: string, isSo: () => Promise<boolean>): Promise<number> {
    const startedMs = performance.now();
    for (;;) {
      if (await isSo().catch(() => false)) return performance.now() - startedMs;
      if (performance.now() - startedMs > waitMsMax)
        throw new LogError('checkFailed', `Cannot go on: it is not so after ${waitMsMax / 1000} s that ${what}`);
      await pause(20);
    }
  }

  /** At all brokers that run. */
  async fault(fault: LinkFault): Promise<void> {
    await Promise.all(
      this.ids
        .filter((id) => this.brokers.isRunning(id))
        .map(async (id) => {
          const client: Client = this.brokers.client([id]);
          try {
            await client.faultLinks(fault);
          } finally {
            client.close();
          }
        }),
    );
  }

  async end(): Promise<void> {
    this.http.close();
    await this.brokers.end();
  }
}
