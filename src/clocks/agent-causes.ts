import type { HybridClock, Stamp } from './hybrid.ts';
import type { LineStamp } from './line-stamp.ts';

/** A connection of a spooling agent, as traces name it at both ends. */
export interface AgentLink {
  /** Given by `meet`. */
  readonly agent: number;
  readonly connection: number;
}

/** What a line gateway says to an agent. */
export type AgentAnswer = 'wait' | 'ok' | 'no';

/** Where a process that agents talk to keeps its clock, and notes what they send and hear. */
export interface AgentCauses {
  /** A name for the agent's process, which its connections share. */
  meet(process: string): number;
  /**
   * A message of an agent came, the `sequence`th on its connection; `answers` is the gateway's message that it answers, 0 for none. False: its stamp is too
   * far ahead, and is counted and not followed.
   */
  received(link: AgentLink, sequence: number, message: LineStamp, answers: number): boolean;
  /** Something goes to it; gives the stamp to send with it. `stored` is what an `ok` says. */
  sent(link: AgentLink, sequence: number, answer: AgentAnswer, stored: number): Stamp;
}

/** Of a process that keeps no events, such as a logger: its clock alone. */
export class ClockOfAgents implements AgentCauses {
  readonly #clock: HybridClock;

  constructor(clock: HybridClock) {
    this.#clock = clock;
  }

  meet(): number {
    return 0;
  }

  received(_link: AgentLink, _sequence: number, { stamp }: LineStamp): boolean {
    return this.#clock.observe(stamp);
  }

  sent(): Stamp {
    return this.#clock.next();
  }
}

/** What traces call an agent begins with it. */
export const agentWord = 'agent-';
const nameCharactersMax = 60;

/**
 * What traces call an agent: by its name and the 24 bits that it drew when it started, which its connections begin with. So an agent that was started
 * again is another process, as its clock is, and the numbers of its connections tell which came first.
 */
export function agentProcess(name: string, connection: number): string {
  const word = name.replaceAll(/[^\w.:-]/g, '_').slice(0, nameCharactersMax);
  return `${agentWord}${word}-${lifeOfConnection(connection).toString(16).padStart(6, '0')}`;
}

/** Of one life of an agent, before their numbers begin anew. */
export const connectionsPerLife = 2 ** 24;
/** Which life of its agent a connection is of. */
export const lifeOfConnection = (connection: number): number => Math.floor(connection / connectionsPerLife);
