import type { BrokerService } from '../../../eventlog/index.ts';
import type { Clock } from '../../../host/index.ts';

const retryAfterMs = 200;

/**
 * Takes back what `PUT /` did not answer: `revoke(id)` is brought into the log, however long that takes. Log order decides (design, D7): an
 * append that comes after its revoke is refused, one that came before keeps its offset and is skipped by readers.
 */
export class Revoker {
  readonly #log: Pick<BrokerService, 'revoke'>;
  readonly #clock: Clock;
  readonly #pending = new Set<string>();
  #isHeld = false;
  #onEmpty: (() => void)[] = [];

  constructor(log: Pick<BrokerService, 'revoke'>, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  revoke(requestId: string): void {
    this.#pending.add(requestId);
    if (!this.#isHeld) this.#attempt(requestId);
  }

  /** Nothing leaves a broker that acts as crashed. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const requestId of this.#pending) this.#attempt(requestId);
  }

  /** Calls back once nothing is left to revoke. */
  whenEmpty(run: () => void): void {
    if (this.#pending.size === 0) run();
    else this.#onEmpty.push(run);
  }

  #attempt(requestId: string): void {
    if (this.#isHeld || !this.#pending.has(requestId)) return;
    this.#log.revoke({ topic: 'log' }, requestId, (outcome) => {
      if (outcome.ok) {
        this.#pending.delete(requestId);
        if (this.#pending.size === 0) for (const run of this.#onEmpty.splice(0)) run();
        return;
      }
      // Whatever the reason, giving up would let a record appear that nobody was told of.
      if (!this.#isHeld) this.#clock.startTimer(retryAfterMs, () => this.#attempt(requestId));
    });
  }
}
