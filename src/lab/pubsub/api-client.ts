import type { SeededRandom } from '../../base/random.ts';
import { type Http, RequestFailed } from './http.ts';
import { replicasOfContract } from './topics.ts';

/** The seven APIs of contract 3, by its names, in an order in which each finds what it needs. */
export const apis = ['create_publisher', 'create_subscriber', 'create_topic', 'publish', 'subscribe', 'pull', 'delete_topic'] as const;
export type Api = (typeof apis)[number];

/** What is there before anything is measured, and stays. */
export interface Standing {
  readonly publisher: string;
  /** With records in each of them. */
  readonly topics: readonly string[];
}

const valueBytes = 100;

/** A client that asks for each API with random arguments. What it makes it keeps in mind, to subscribe it, and to delete it again. */
export class ApiClient {
  readonly #http: Http;
  readonly #name: string;
  readonly #standing: Standing;
  readonly #random: SeededRandom;
  readonly #subscribers: string[] = [];
  readonly #topics: string[] = [];
  #made = 0;
  #subscriptions = 0;
  #pulls = 1;

  /** @param name that no other client has */
  constructor(http: Http, name: string, standing: Standing, random: SeededRandom) {
    this.#http = http;
    this.#name = name;
    this.#standing = standing;
    this.#random = random;
  }

  /** The subscriber that pulls, from the beginning of one of the topics. */
  async prepare(origin: string): Promise<void> {
    await this.#http.json(origin, 'POST', '/v1/subscribers', { id: this.#name });
    await this.#http.ask(origin, 'PUT', `/v1/subscribers/${this.#name}/topics/${this.#random.pick(this.#standing.topics)}`);
  }

  /** Null where it has nothing left that this could be asked for. */
  next(api: Api, origin: string): (() => Promise<unknown>) | null {
    const { topics, publisher } = this.#standing;
    const http = this.#http;
    switch (api) {
      case 'create_publisher': {
        const id = this.#newName();
        return () => http.json(origin, 'POST', '/v1/publishers', { id });
      }
      case 'create_subscriber': {
        const id = this.#newName();
        return async () => {
          await http.json(origin, 'POST', '/v1/subscribers', { id });
          this.#subscribers.push(id);
        };
      }
      case 'create_topic': {
        const name = this.#newName();
        return async () => {
          await http.json(origin, 'POST', '/v1/topics', { name, replicas: replicasOfContract });
          this.#topics.push(name);
        };
      }
      case 'publish': {
        const path = `/v1/publishers/${publisher}/topics/${this.#random.pick(topics)}/records`;
        const body = this.#newName().padEnd(valueBytes, '.');
        return () => http.ask(origin, 'POST', path, { body, type: 'text/plain' });
      }
      case 'subscribe': {
        // Each subscriber to each topic, once.
        const subscriber = this.#subscribers[Math.floor(this.#subscriptions / topics.length)];
        if (subscriber === undefined) return null;
        const topic = topics[this.#subscriptions++ % topics.length] as string;
        return () => http.ask(origin, 'PUT', `/v1/subscribers/${subscriber}/topics/${topic}`);
      }
      case 'pull':
        return () => this.#pull(origin);
      case 'delete_topic': {
        const name = this.#topics.pop();
        return name === undefined ? null : () => http.ask(origin, 'DELETE', `/v1/topics/${name}`);
      }
    }
  }

  #newName(): string {
    return `${this.#name}-${++this.#made}`;
  }

  /** One new record, and no more than its batch is read for it; the next pull acknowledges it. */
  async #pull(origin: string): Promise<void> {
    const asked = { mode: 'automatic', number: this.#pulls, max: 1, bytesMax: 1 };
    const answer = await this.#http.json(origin, 'POST', `/v1/subscribers/${this.#name}/pull`, asked);
    const { parts, nextNumber } = answer as {
      readonly parts: readonly { readonly records: readonly unknown[] }[];
      readonly nextNumber: number;
    };
    this.#pulls = nextNumber;
    if (parts.every(({ records }) => records.length === 0)) throw new RequestFailed('nothingNew', 200, 'nothing new was pulled');
  }
}
