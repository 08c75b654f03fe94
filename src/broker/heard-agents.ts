import type { AgentAnswer, AgentCauses, AgentLink, HybridClock, LineStamp, Stamp } from '../clocks/index.ts';
import type { CausalRing } from './causal-ring.ts';
import type { Counters } from './counters.ts';

/** What spooling agents send to this broker's line gateway and hear from it: with the broker's own clock, into its own ring. */
export class HeardAgents implements AgentCauses {
  readonly #hybrid: HybridClock;
  readonly #causes: CausalRing;
  readonly #counters: Counters;

  constructor(hybrid: HybridClock, causes: CausalRing, counters: Counters) {
    this.#hybrid = hybrid;
    this.#causes = causes;
    this.#counters = counters;
  }

  meet(process: string): number {
    return this.#causes.meetAgent(process);
  }

  received(link: AgentLink, sequence: number, message: LineStamp, answers: number): boolean {
    const isFollowed = this.#hybrid.observe(message.stamp);
    if (!isFollowed) this.#counters.stampsAhead++;
    this.#causes.receivedOfAgent(link, sequence, message, answers);
    return isFollowed;
  }

  sent(link: AgentLink, sequence: number, answer: AgentAnswer, stored: number): Stamp {
    const stamp = this.#hybrid.next();
    this.#causes.sentToAgent(link, sequence, answer, stored);
    return stamp;
  }
}
