import { type AgentAnswer, type AgentCauses, type AgentLink, agentProcess } from '../../clocks/agent-causes.ts';
import { formatStamp, readLineStamp } from '../../clocks/line-stamp.ts';
import type { ClockSample } from '../../clocks/offset.ts';

/** Answers that are kept: with one every five seconds they tell of more than a minute. */
const samplesMax = 16;
/** An agent that answers so few is not asked more. */
const askedMax = 16;

/** The stamps of one connection of a spooling agent, both ways, and what they tell of its clock. */
export class SessionStamps {
  readonly process: string;
  readonly #causes: AgentCauses;
  readonly #link: AgentLink;
  readonly #wallMs: () => number;
  /** Of the message that is being read: lines that belong to it still. */
  #linesLeft = 0;
  #received = 0;
  #sent = 0;
  #stampsAhead = 0;
  /** Each `wait` that is not answered, the oldest first. */
  readonly #asked: { readonly sequence: number; readonly atMs: number }[] = [];
  readonly #samples: ClockSample[] = [];

  constructor(causes: AgentCauses, name: string, connection: number, wallMs: () => number) {
    this.process = agentProcess(name, connection);
    this.#causes = causes;
    this.#link = { agent: causes.meet(this.process), connection };
    this.#wallMs = wallMs;
  }

  /** By the agent's clock and the one here, the oldest first. */
  get samples(): readonly ClockSample[] {
    return this.#samples;
  }

  /** Stamps that were not followed. */
  get stampsAhead(): number {
    return this.#stampsAhead;
  }

  get mayAsk(): boolean {
    return this.#asked.length < askedMax;
  }

  /** What a line of the agent is; null where a stamp belongs and it is none. */
  take(bytes: Uint8Array, from: number, to: number): 'event' | 'stamp' | null {
    if (this.#linesLeft > 0) {
      this.#linesLeft--;
      return 'event';
    }
    const message = readLineStamp(bytes, from, to);
    if (message === null) return null;
    const asked = message.lines === 0 ? this.#asked.shift() : undefined;
    if (message.lines === 0 && asked === undefined) return null;
    this.#linesLeft = message.lines;
    this.#received++;
    if (!this.#causes.received(this.#link, this.#received, message, asked?.sequence ?? 0)) this.#stampsAhead++;
    if (asked !== undefined && message.wallMs !== null)
      this.#keep({ askedMs: asked.atMs, answeredMs: this.#wallMs() + 1, wallMs: message.wallMs });
    return 'stamp';
  }

  /** For a line that is sent now. */
  next(answer: AgentAnswer, stored: number): string {
    this.#sent++;
    if (answer === 'wait') this.#asked.push({ sequence: this.#sent, atMs: this.#wallMs() });
    return formatStamp(this.#causes.sent(this.#link, this.#sent, answer, stored));
  }

  #keep(sample: ClockSample): void {
    this.#samples.push(sample);
    if (this.#samples.length > samplesMax) this.#samples.shift();
  }
}
