/**
 * A partition of a topic is searched by one of its replicas: the first of the list that answers. When that one fails, the next goes on behind what has been
 * given: what a replica sends is passed on only with its word how far it has come, so that no record is given twice and none left out. Where nobody can go on (context
 * reaches across the place, or `-m` counts what `-o` prints) what was given is told as partial.
 */
import { Buffer } from 'node:buffer';
import { setTimeout as pause } from 'node:timers/promises';
import type { ErrorCode } from '../../base/errors.ts';
import type { SearchRequest, TopicSource } from '../../query/index.ts';
import type { PartEnd, PartHead, Reached } from '../answer.ts';
import { encodeRequest } from '../encode-request.ts';
import { type Machine, nameOf } from './machines.ts';
import { askMachine, type AskOptions, type MachineOutcome } from './one-machine.ts';
import { type MachineReport, type PartReport, problemOf } from './report.ts';
import type { AnswerEvent, LinesEvent } from './turns.ts';

export interface PartitionHandlers {
  readonly begin: () => void;
  /** Gives a promise where nothing more should come before it is kept. */
  readonly give: (event: AnswerEvent | LinesEvent) => Promise<void> | undefined;
  readonly end: (end: PartEnd) => void;
}

export interface PartitionOptions extends AskOptions {
  readonly onNote: (machine: string, text: string) => void;
}

/** Another replica would say the same. */
const lastWords = new Set<string>(['invalidRequest', 'unknownTopic', 'invalidTopicName', 'offsetOutOfRange'] satisfies ErrorCode[]);
/** Of what comes before it is told how far that reaches: beyond it a replica is none of ours. */
const heldBytesMax = 64 * 1024 * 1024;
/** Who follows waits so long for a replica that answers. */
const patienceMs = 30_000;
const pauseMs = 500;

export async function askPartition(
  request: SearchRequest,
  machines: readonly Machine[],
  options: PartitionOptions,
  handlers: PartitionHandlers,
): Promise<readonly MachineReport[]> {
  /** Gave a part of the answer that another goes on behind. */
  const earlier: MachineReport[] = [];
  let rest = request;
  let heardMs = performance.now();
  for (;;) {
    /** Gave nothing. */
    const failed: MachineReport[] = [];
    for (const [index, machine] of machines.entries()) {
      const asked = new Replica(machine, rest, options, handlers);
      const { outcome, report } = await asked.run();
      if (asked.hasBegun) heardMs = performance.now();
      const next = asked.hasEnded || isLast(outcome) || options.signal.aborted ? null : asked.rest();
      if (next === null) return [...earlier.map((before) => ({ ...before, problem: null, failure: null })), report];
      rest = next;
      (report.parts.length > 0 ? earlier : failed).push(report);
      // Who has no replica was only asked because nobody knew.
      if (codeOf(outcome) === ('noReplica' satisfies ErrorCode)) continue;
      if (index < machines.length - 1 || request.follow) options.onNote(report.name, `${report.problem ?? ''}; another replica is asked`);
    }
    if (!request.follow || performance.now() - heardMs > patienceMs) return [...earlier, ...failed];
    await pause(pauseMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

function isLast(outcome: MachineOutcome): boolean {
  if (outcome.kind === 'failed') return false;
  const code = codeOf(outcome);
  return code === null || lastWords.has(code);
}

/** Null for an answer that is whole, and for none. */
function codeOf(outcome: MachineOutcome): string | null {
  if (outcome.kind === 'failed') return null;
  return outcome.kind === 'ended' ? outcome.end.code : outcome.code;
}

const whole: MachineOutcome = { kind: 'ended', end: { code: null, problem: null } };

/** What one replica answers, as far as it has said how far that reaches. */
class Replica {
  readonly #machine: Machine;
  readonly #request: SearchRequest;
  readonly #options: PartitionOptions;
  readonly #handlers: PartitionHandlers;
  readonly #heads: PartHead[] = [];
  readonly #parts: PartReport[] = [];
  #name: string;
  #held: (AnswerEvent | LinesEvent)[] = [];
  #heldBytes = 0;
  #bytesReturned = 0;
  #reached: Reached | null = null;
  /** All of the answer came, whatever came of the connection behind it. */
  hasEnded = false;

  constructor(machine: Machine, request: SearchRequest, options: PartitionOptions, handlers: PartitionHandlers) {
    this.#machine = machine;
    this.#name = nameOf(machine);
    this.#request = request;
    this.#options = options;
    this.#handlers = handlers;
  }

  get hasBegun(): boolean {
    return this.#heads.length > 0;
  }

  async run(): Promise<{ readonly outcome: MachineOutcome; readonly report: MachineReport }> {
    const startedMs = performance.now();
    const own = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, own.signal]);
    const hold = (event: AnswerEvent | LinesEvent, bytes: number): undefined => {
      this.#held.push(event);
      this.#heldBytes += bytes;
      if (this.#heldBytes > heldBytesMax) own.abort();
      return undefined;
    };
    const outcome = await askMachine(
      this.#machine,
      Buffer.from(JSON.stringify(encodeRequest(this.#request))),
      { ...this.#options, signal },
      {
        head: ({ machine }) => {
          this.#name = machine;
          this.#handlers.begin();
          return null;
        },
        begin: (head) => {
          this.#heads.push(head);
          void this.#handlers.give({ kind: 'part', head });
        },
        bytes: (piece) => hold({ kind: 'bytes', piece: Buffer.from(piece) }, piece.length),
        lines: (lines) =>
          hold(
            { kind: 'lines', lines, heads: this.#heads },
            lines.reduce((sum, { bytes }) => sum + bytes.length, 0),
          ),
        reached: (reached) => {
          this.#reached = reached;
          return this.#passOn();
        },
        note: (text) => this.#options.onNote(this.#name, text),
        end: (end) => {
          const head = this.#heads.at(-1);
          if (head !== undefined) this.#parts.push({ ...head, ...end });
          this.hasEnded = true;
          const wait = this.#passOn();
          void this.#handlers.give({ kind: 'end', end });
          this.#handlers.end(end);
          return wait;
        },
      },
    );
    const given = this.hasEnded ? null : this.#given();
    if (given !== null) this.#parts.push(given);
    const elapsedMs = Math.round(performance.now() - startedMs);
    const common = { machine: this.#machine, name: this.#name, parts: this.#parts, bytesReturned: this.#bytesReturned, elapsedMs };
    const trouble = problemOf(this.hasEnded && outcome.kind === 'failed' ? whole : outcome, this.#parts);
    return { outcome, report: { ...common, ...trouble, isWithout: false } };
  }

  /** What is left to be asked of another; null where nobody can go on. */
  rest(): SearchRequest | null {
    const { output, follow } = this.#request;
    const source = this.#request.source as TopicSource;
    const lines = this.#reached?.lines ?? 0;
    // Of counts and names nothing is given before the end.
    if (this.#reached === null || output.mode !== 'lines' || (lines === 0 && !follow)) return this.#request;
    if (output.before !== null || output.after !== null || (output.onlyMatching && output.maxCount !== null)) return null;
    const maxCount = output.maxCount === null ? null : output.maxCount - lines;
    return { ...this.#request, source: { ...source, offsetFrom: this.#reached.offsetTo }, output: { ...output, maxCount } };
  }

  #passOn(): Promise<void> | undefined {
    const waits: Promise<void>[] = [];
    for (const event of this.#held) {
      const wait = this.#handlers.give(event);
      if (wait !== undefined) waits.push(wait);
    }
    this.#bytesReturned += this.#heldBytes;
    this.#held = [];
    this.#heldBytes = 0;
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
  }

  /** The part of the answer that has been given, where its end did not come. */
  #given(): PartReport | null {
    const [head] = this.#heads;
    if (head?.begun === undefined || this.#reached === null || this.#reached.lines === 0) return null;
    const { lines, offsetTo } = this.#reached;
    const topic = { topic: head.name, ...head.begun, offsetTo, gaps: [], selected: lines, stats: null };
    return { ...head, isSelected: true, selected: lines, bytesSearched: 0, elapsedMs: 0, problem: null, topic };
  }
}
