/**
 * A partition of a topic is searched by one of its replicas: the first of the list that answers. When that one fails, the next goes on behind what has been
 * given: what a replica sends is passed on only with its word how far it has come, so that no record is given twice and none left out. Where nobody can go on (context
 * reaches across the place, or `-m` counts what `-o` prints) what was given is told as partial.
 *
 * A search whose lines are not wanted yet gives its turn to others who want one, and goes on later in the same way. Where replicas refuse because they make as
 * many searches as they may, they are asked again for a while.
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
import type { SharedTurn, SharedTurns } from './shared-turns.ts';
import type { AnswerEvent, LinesEvent } from './turns.ts';

export interface PartitionHandlers {
  readonly begin: () => void;
  /** Gives a promise where nothing more should come before it is kept. */
  readonly give: (event: AnswerEvent | LinesEvent) => Promise<void> | undefined;
  readonly end: (end: PartEnd) => void;
}

export interface PartitionOptions extends AskOptions {
  /** Only who has one asks. */
  readonly turns: SharedTurns;
  readonly onNote: (machine: string, text: string) => void;
}

/** Another replica would say the same. */
const lastWords = new Set<string>([
  'invalidRequest',
  'unknownTopic',
  'invalidTopicName',
  'offsetOutOfRange',
  'recordTooLarge',
] satisfies ErrorCode[]);
/** Of what comes before it is told how far that reaches: beyond it a replica is none of ours. */
const heldBytesMax = 64 * 1024 * 1024;
/** Who follows waits so long for a replica that answers, and who is refused because of others for one that does not. */
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
  for (let isAgain = false; ; isAgain = true) {
    /** Gave nothing. */
    const failed: MachineReport[] = [];
    let isFull = false;
    for (const [index, machine] of machines.entries()) {
      const { asked, outcome, report } = await askInTurns(machine, rest, options, handlers);
      if (asked.hasBegun) heardMs = performance.now();
      const next = asked.hasEnded || isLast(outcome) || options.signal.aborted ? null : asked.rest();
      if (next === null) return [...earlier.map((before) => ({ ...before, problem: null, failure: null })), report];
      rest = next;
      (report.parts.length > 0 ? earlier : failed).push(report);
      // Who has no replica was only asked because nobody knew.
      if (codeOf(outcome) === ('noReplica' satisfies ErrorCode)) continue;
      const isRefused = codeOf(outcome) === ('overloaded' satisfies ErrorCode);
      isFull ||= isRefused;
      const isTold = index < machines.length - 1 || request.follow;
      if (isTold && !(isRefused && isAgain)) options.onNote(report.name, `${report.problem ?? ''}; another replica is asked`);
    }
    if ((!request.follow && !isFull) || performance.now() - heardMs > patienceMs) return [...earlier, ...failed];
    await pause(pauseMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

interface Answered {
  readonly asked: Replica;
  readonly outcome: MachineOutcome;
  readonly report: MachineReport;
}

/** Asks one replica, in as many turns as it takes. */
async function askInTurns(
  machine: Machine,
  request: SearchRequest,
  options: PartitionOptions,
  handlers: PartitionHandlers,
): Promise<Answered> {
  let before: MachineReport | null = null;
  for (let rest = request; ; ) {
    const turn = await options.turns.take();
    const asked = new Replica(machine, rest, { ...options, turn }, handlers);
    const { outcome, report } = await asked.run().finally(() => turn.release());
    const joined: MachineReport = before === null ? report : joinReports(before, report);
    const { putOff } = asked;
    const next = putOff === null || asked.hasEnded || options.signal.aborted ? null : asked.rest();
    if (next === null) return { asked, outcome, report: joined };
    await putOff;
    rest = next;
    before = joined;
  }
}

/** Of one machine and one partition, the second behind the first. */
function joinReports(first: MachineReport, second: MachineReport): MachineReport {
  const { bytesReturned, elapsedMs } = first;
  const [earlier] = first.parts;
  const [later] = second.parts;
  const common = { ...second, bytesReturned: bytesReturned + second.bytesReturned, elapsedMs: elapsedMs + second.elapsedMs };
  if (earlier === undefined || later === undefined) return { ...common, parts: later === undefined ? first.parts : second.parts };
  const sum = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a + b);
  const part: PartReport = {
    ...later,
    isSelected: earlier.isSelected || later.isSelected,
    selected: sum(earlier.selected, later.selected),
    bytesSearched: earlier.bytesSearched + later.bytesSearched,
    elapsedMs: earlier.elapsedMs + later.elapsedMs,
  };
  if (earlier.topic === undefined || later.topic === undefined) return { ...common, parts: [part] };
  const topic = {
    ...later.topic,
    offsetFrom: earlier.topic.offsetFrom,
    gaps: [...earlier.topic.gaps, ...later.topic.gaps],
    selected: earlier.topic.selected + later.topic.selected,
  };
  return { ...common, parts: [{ ...part, topic }] };
}

/** Whether a search that has given lines can go on behind them. */
export const mayGoOn = ({ output: { mode, before, after, onlyMatching, maxCount } }: SearchRequest): boolean =>
  mode === 'lines' && before === null && after === null && !(onlyMatching && maxCount !== null);

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
  readonly #options: PartitionOptions & { readonly turn: SharedTurn };
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
  /** It was ended because others wanted its turn: kept when more of it is wanted. */
  putOff: Promise<void> | null = null;
  readonly #own = new AbortController();

  constructor(
    machine: Machine,
    request: SearchRequest,
    options: PartitionOptions & { readonly turn: SharedTurn },
    handlers: PartitionHandlers,
  ) {
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
    const own = this.#own;
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
          // Who follows never ends.
          if (this.#request.follow) this.#options.turn.release();
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
    if (!mayGoOn(this.#request)) return null;
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
    if (waits.length === 0) return undefined;
    const { order, follow } = this.#request;
    let isWaiting = true;
    const wait = Promise.all(waits).then(() => {
      isWaiting = false;
    });
    if (order === 'time' && !follow && mayGoOn(this.#request)) {
      this.#options.turn.whenWanted(() => {
        if (!isWaiting || this.hasEnded) return;
        this.putOff = wait;
        this.#own.abort();
      });
    }
    return wait;
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
