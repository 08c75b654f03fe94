import type { SeededRandom } from '../../base/random.ts';
import type { Member } from '../cluster.ts';
import type { ClientWorld } from './world.ts';

/** One client: it acts, thinks, and acts again, for as long as the run wants clients. */
export abstract class Client {
  readonly #world: ClientWorld;
  readonly number: number;
  readonly random: SeededRandom;

  constructor(world: ClientWorld, number: number) {
    this.#world = world;
    this.number = number;
    this.random = world.cluster.world.random.fork();
  }

  get world(): ClientWorld {
    return this.#world;
  }

  protected abstract act(): void;

  /** Scales this client's pauses. */
  protected pace = 1;

  begin(): void {
    this.later(this.random.float() * 500, () => this.#next());
  }

  /** An operation has ended: think, then go on. */
  protected ended(): void {
    this.#world.operationsInFlight--;
    // Mostly short pauses, some bursts, some long ones.
    const factor = this.random.pick([0, 0.5, 1, 1, 1, 4]) * this.pace;
    this.later(this.#world.settings.thinkMs * factor * this.random.float() * 2, () => this.#next());
  }

  #next(): void {
    if (!this.#world.running) return;
    this.#world.operationsInFlight++;
    this.act();
  }

  protected later(delayMs: number, run: () => void): void {
    this.#world.cluster.world.scheduler.schedule(delayMs, 'client', this.number, run);
  }

  protected anyBroker(): Member {
    return this.random.pick(this.#world.cluster.members);
  }

  protected anyTopic(): string {
    const { settings, passingTopics } = this.#world;
    if (passingTopics.length > 0 && this.random.chance(0.15)) return this.random.pick(passingTopics);
    const { topics, busyTopics = topics } = settings;
    return this.random.pick(busyTopics.length < topics.length && this.random.chance(0.5) ? busyTopics : topics);
  }
}
