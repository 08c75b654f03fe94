// What an agent needs of the world, simulated: links that are cut at any byte, and a gateway that forgets everything but the topic. How lines are found,
// stored and tried again is the code of the real one (`ingest/`); its connections are modelled, since the real ones are sockets.
import type { SeededRandom } from '../../../src/base/random.ts';
import { type AgentAnswer, ClockOfAgents } from '../../../src/clocks/agent-causes.ts';
import { HybridClock } from '../../../src/clocks/index.ts';
import type { Outcome, ReadResult } from '../../../src/eventlog/index.ts';
import { MemoryLog } from '../../../src/eventlog/memory-log.ts';
import { parseHello } from '../../../src/gateway/lines/hello.ts';
import { SessionStamps } from '../../../src/gateway/lines/session-stamps.ts';
import type { Host, Link, LinkHandlers } from '../../../src/host/index.ts';
import { EventReader, LineSplitter, type SessionStream, TopicStore } from '../../../src/ingest/index.ts';
import { forEachRecord } from '../../../src/record/index.ts';
import type { Scheduler } from '../../../src/sim/scheduler.ts';
import { FaultyLog } from './faulty-log.ts';

const topic = 'log';
const lineBytesMax = 64 * 1024;
const askAgainMs = 200;

export class ModelLogger {
  readonly #host: Host;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #memory: MemoryLog;
  readonly #log: FaultyLog;
  #store: TopicStore;
  readonly #open = new Set<() => void>();
  readonly #bySession = new Map<string, () => void>();
  /** Every session of which an event came. */
  readonly sessions = new Set<string>();
  /** Nobody listens. */
  isAway = false;
  /** The share of connections whose gateway is of before `cairn/2`: it takes that for a name with spaces, and closes. */
  readonly #oldShare: number;
  readonly #causes: ClockOfAgents;
  /** Messages with stamps that came, and what their answers told of the agent's clock. */
  stamps = 0;
  /** Sessions that began in each version. */
  readonly begun = { 1: 0, 2: 0 };

  constructor(host: Host, scheduler: Scheduler, random: SeededRandom, oldShare: number) {
    this.#oldShare = oldShare;
    this.#causes = new ClockOfAgents(new HybridClock(host.clock));
    this.#host = host;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#memory = new MemoryLog({ clock: host.clock, bytes: host.bytes });
    this.#log = new FaultyLog(this.#memory, scheduler, random.fork());
    this.#store = this.#newStore();
  }

  #newStore(): TopicStore {
    return new TopicStore({
      log: this.#log,
      clock: this.#host.clock,
      bytes: this.#host.bytes,
      topic,
      limits: { pendingBytesMax: 2 ** 20, sessionBytesMax: 2 ** 20, sessionsBytesMax: 2 ** 26 },
      whenFull: 'wait',
      tell: () => undefined,
      topicIsGone: () => undefined,
      newId: () => 'plain',
    });
  }

  /** Every connection breaks; what was on its way is lost, appends that were begun may still arrive. */
  kill(): void {
    for (const cut of this.#open) cut();
    this.#store.close(0, () => undefined);
    this.#store = this.#newStore();
  }

  /** All lines in the topic, in order, once the simulation has gone on for a moment. */
  stored(done: (lines: readonly string[]) => void): void {
    const request = {
      topic,
      offsetFrom: 0,
      sinceMs: null,
      bytesMax: Number.MAX_SAFE_INTEGER,
      freshness: 'linearizable',
      sessionOffset: 0,
      waitMs: 0,
    } as const;
    this.#memory.read(request, (outcome: Outcome<ReadResult>) => {
      if (!outcome.ok) throw outcome.error;
      const lines: string[] = [];
      for (const batch of outcome.value.batches) {
        forEachRecord(batch, (record) => void lines.push(this.#host.bytes.utf8Decode(record.value() ?? new Uint8Array(0))));
      }
      done(lines);
    });
  }

  /** `deliver` runs a callback in the process of the agent, if it still lives then. */
  dial(handlers: LinkHandlers, deliver: (delayMs: number, run: () => void) => void): Link {
    let isOpen = true;
    let session: string | null = null;
    let stamps: SessionStamps | null = null;
    const isOld = this.#random.chance(this.#oldShare);
    let stream: SessionStream | null = null;
    /** Bytes arrive in order, each piece later than the one before. */
    let arrivedMs = this.#scheduler.nowMs;
    let saidMs = this.#scheduler.nowMs;
    const store = this.#store;
    const reader = new EventReader();

    const cut = (): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#open.delete(cut);
      stream?.close();
      deliver(this.#random.float() * 10, () => handlers.closed('cut'));
    };
    const say = (answer: AgentAnswer, what: number | string = ''): void => {
      saidMs = Math.max(saidMs + 0.001, this.#scheduler.nowMs + this.#random.float() * 5);
      const words = what === '' ? answer : `${answer} ${what}`;
      const line = stamps === null ? `cairn/1 ${words}\n` : `cairn/2 ${stamps.next(answer, Number(what) || 0)} ${words}\n`;
      deliver(saidMs - this.#scheduler.nowMs, () => {
        if (isOpen) handlers.received(ascii(line));
      });
    };
    const ask = (id: string, from: number): void =>
      store.placeOf(id, origin, (outcome) => {
        if (!isOpen) return;
        if (!outcome.ok) {
          this.#scheduler.schedule(askAgainMs, 'client', 0, () => void (isOpen && ask(id, from)));
          return;
        }
        const { sequence } = outcome.value;
        if (sequence < from) return say('no', `${sequence} ${from}`);
        stream = store.openSession(id, outcome.value, { stored: (next) => say('ok', next), failed: cut });
        say('ok', sequence);
      });
    const splitter = new LineSplitter(lineBytesMax, (bytes, lineFrom, to) => {
      if (session !== null) {
        const what = stamps?.take(bytes, lineFrom, to);
        if (what === null) throw new Error(`no stamp: ${this.#host.bytes.utf8Decode(bytes.subarray(lineFrom, to))}`);
        if (what === 'stamp') return void this.stamps++;
        reader.read(bytes, lineFrom, to);
        this.sessions.add(session);
        stream?.add(origin, bytes, lineFrom, to, reader.seconds);
        return;
      }
      const hello = parseHello(bytes.subarray(lineFrom, to));
      if (hello.kind !== 'session') throw new Error(`it is no hello: ${this.#host.bytes.utf8Decode(bytes.subarray(lineFrom, to))}`);
      if (isOld && hello.connection !== null) return cut();
      session = hello.session;
      this.begun[hello.connection === null ? 1 : 2]++;
      stamps =
        hello.connection === null
          ? null
          : new SessionStamps(this.#causes, 'n', hello.connection, () => Math.floor(this.#host.clock.wallMs()));
      say('wait');
      this.#bySession.get(session)?.();
      this.#bySession.set(session, cut);
      ask(session, hello.sequence);
    });
    const take = (bytes: Uint8Array): void => {
      splitter.push(bytes);
      stream?.flush();
    };

    if (this.isAway) deliver(1, () => handlers.closed('away'));
    else {
      this.#open.add(cut);
      deliver(this.#random.float() * 5, () => {
        if (isOpen) handlers.opened();
      });
    }
    return {
      bytesQueued: 0,
      send: (chunks) => {
        for (const chunk of chunks) {
          const bytes = chunk.slice();
          const splitAt = this.#random.below(bytes.length + 1);
          for (const piece of [bytes.subarray(0, splitAt), bytes.subarray(splitAt)]) {
            arrivedMs = Math.max(arrivedMs + 0.001, this.#scheduler.nowMs + this.#random.float() * 5);
            this.#scheduler.schedule(arrivedMs - this.#scheduler.nowMs, 'network', 0, () => {
              if (isOpen) take(piece);
            });
          }
        }
      },
      close: () => cut(),
    };
  }
}

const origin = { id: 1, name: ascii('n') };

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
