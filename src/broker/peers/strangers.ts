import type { Logger } from '../../host/index.ts';

const everyMs = 10_000;

/** Connections that sent what no broker sends before they had said who they are. Anybody can make thousands: they are told now and then, with how many. */
export class Strangers {
  readonly #logger: Logger;
  readonly #nowMs: () => number;
  #count = 0;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(logger: Logger, nowMs: () => number) {
    this.#logger = logger;
    this.#nowMs = nowMs;
  }

  note(damage: string): void {
    this.#count++;
    const nowMs = this.#nowMs();
    if (nowMs < this.#toldMs + everyMs) return;
    this.#toldMs = nowMs;
    this.#logger.log('warn', 'linkDamaged', { peer: null, damage, count: this.#count });
  }
}
