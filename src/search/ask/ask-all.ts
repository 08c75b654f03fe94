/**
 * Many machines are asked at once. Each answers in its own time; what is written is one machine behind the other, or all in order of time. Files are asked for
 * of every machine, a partition of a topic of one replica (`one-partition.ts`). Who does not answer is named in the report, and the rest of the answer is whole.
 */
import { Buffer } from 'node:buffer';
import { LogError } from '../../eventlog/log-error.ts';
import type { SearchRequest } from '../../query/index.ts';
import type { PartEnd, PartHead } from '../answer.ts';
import { encodeRequest } from '../encode-request.ts';
import { type Machine, nameOf } from './machines.ts';
import { askMachine, type AskOptions } from './one-machine.ts';
import { askPartition, mayGoOn } from './one-partition.ts';
import { type MachineReport, type PartReport, problemOf, type Report, summarise } from './report.ts';
import { SharedTurns } from './shared-turns.ts';
import { type EventWriter, type Sequence, Turns } from './turns.ts';

/** Partitions of topics that are searched at once for one search, so that one does not take all searches that a broker makes. Of those that are followed: asked at once. */
const topicsAtOnceMax = 16;
/** Of those that are put in order of time: one whose next line is not wanted yet is put off for another. */
const mergedAtOnceMax = 32;

export interface AskAllOptions extends AskOptions {
  /** The machines were named one by one, not by default: each must have what is searched. */
  readonly areNamed: boolean;
  /** Of what is followed: how long lines are held to be put in order of time. */
  readonly windowMs: number;
  /** Told at once what a machine says for people. */
  readonly onNote: (machine: string, text: string) => void;
}

/** One thing to search, and who is asked: of files all of these machines, of a topic the first that answers. */
export interface Question {
  readonly request: SearchRequest;
  readonly machines: readonly Machine[];
}

export function askAll(machines: readonly Machine[], request: SearchRequest, options: AskAllOptions, write: EventWriter): Promise<Report> {
  return askEach([{ request, machines }], options, write);
}

/** Several questions that differ in what is searched only, as one answer. */
export async function askEach(questions: readonly [Question, ...Question[]], options: AskAllOptions, write: EventWriter): Promise<Report> {
  const [{ request: first }] = questions;
  const streams = questions.flatMap(({ request, machines }): Question[] =>
    request.source.kind === 'topic' ? [{ request, machines }] : machines.map((machine) => ({ request, machines: [machine] })),
  );
  const all = new Asking(await sequenceFor(first, streams.length, options, write), options);
  const isMerged = first.order === 'time' && !first.follow;
  // What cannot be put off must all be under way.
  const sharedTurns = new SharedTurns(!isMerged ? topicsAtOnceMax : mayGoOn(first) ? mergedAtOnceMax : Math.max(1, streams.length));
  const reports = await Promise.all([
    ...streams.map(({ request, machines }, stream) =>
      request.source.kind === 'topic'
        ? all.askTopic(request, machines, stream, sharedTurns)
        : all.askFiles(request, machines[0] as Machine, stream),
    ),
    all.turns.written().then(() => []),
  ]);
  if (all.refusal !== null) throw all.refusal;
  return summarise(reports.flat(), first);
}

class Asking {
  readonly turns: Sequence;
  /** Why there is no answer at all. */
  refusal: LogError | null = null;
  readonly #options: AskAllOptions;
  readonly #own = new AbortController();
  readonly #signal: AbortSignal;
  readonly #names = new Map<string, Machine>();
  /** The question is answered: what is still asked is not waited for. */
  #isAnswered = false;

  constructor(turns: Sequence, options: AskAllOptions) {
    this.turns = turns;
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#own.signal]);
  }

  async askFiles(request: SearchRequest, machine: Machine, stream: number): Promise<readonly MachineReport[]> {
    const { turns } = this;
    const { onNote, areNamed } = this.#options;
    const startedMs = performance.now();
    const parts: PartReport[] = [];
    const heads: PartHead[] = [];
    let name = nameOf(machine);
    let bytesReturned = 0;
    const outcome = await askMachine(
      machine,
      Buffer.from(JSON.stringify(encodeRequest(request))),
      { ...this.#options, signal: this.#signal },
      {
        head: (answer) => {
          name = answer.machine;
          const refusal = this.#takeName(name, machine);
          if (refusal === null) turns.begin(stream);
          return refusal;
        },
        begin: (part) => {
          heads.push(part);
          void turns.give(stream, { kind: 'part', head: part });
        },
        bytes: (piece) => {
          bytesReturned += piece.length;
          return turns.give(stream, { kind: 'bytes', piece });
        },
        lines: (lines) => {
          for (const { bytes } of lines) bytesReturned += bytes.length;
          return turns.give(stream, { kind: 'lines', lines, heads });
        },
        reached: () => undefined,
        note: (text) => onNote(name, text),
        end: (end) => {
          const head = end.index === undefined ? heads.at(-1) : heads[end.index];
          if (head !== undefined) parts.push({ ...head, ...end });
          void turns.give(stream, { kind: 'end', end });
          this.#look(request, end);
          return undefined;
        },
      },
    );
    turns.finish(stream);
    const isWithout = !areNamed && outcome.kind === 'ended' && outcome.end.code === 'unknownFiles';
    const trouble = isWithout || this.#isAnswered ? noTrouble : problemOf(outcome, parts);
    this.#tell(request, name, trouble.problem);
    return [{ machine, name, parts, bytesReturned, elapsedMs: Math.round(performance.now() - startedMs), ...trouble, isWithout }];
  }

  async askTopic(
    request: SearchRequest,
    machines: readonly Machine[],
    stream: number,
    sharedTurns: SharedTurns,
  ): Promise<readonly MachineReport[]> {
    const { turns } = this;
    const reports = await askPartition(
      request,
      machines,
      { ...this.#options, signal: this.#signal, turns: sharedTurns },
      {
        begin: () => turns.begin(stream),
        give: (event) => turns.give(stream, event),
        end: (end) => this.#look(request, end),
      },
    );
    turns.finish(stream);
    for (const { name, problem } of reports) this.#tell(request, name, problem);
    return this.#isAnswered ? reports.map((report) => ({ ...report, ...noTrouble })) : reports;
  }

  /** Gives why it is not to go on, or null. */
  #takeName(name: string, machine: Machine): string | null {
    const other = this.#names.get(name);
    this.#names.set(name, machine);
    // Of several lists of files each is asked for once.
    if (other === undefined || other.origin === machine.origin) return null;
    this.refusal ??= new LogError(
      'invalidRequest',
      `Cannot search: the machines at ${other.origin} and ${machine.origin} both call themselves "${name}", give each a --name of its own`,
    );
    this.#own.abort();
    return 'its name is taken';
  }

  #look({ output }: SearchRequest, { isSelected }: PartEnd): void {
    if (output.mode !== 'quiet' || !isSelected) return;
    this.#isAnswered = true;
    this.#own.abort();
  }

  /** Who follows is told now, not when it ends. */
  #tell({ follow }: SearchRequest, name: string, problem: string | null): void {
    if (follow && problem !== null && !this.#options.signal.aborted) this.#options.onNote(name, problem);
  }
}

const noTrouble = { problem: null, failure: null, isBadQuestion: false } as const;

/** Putting lines in order of time is loaded by who asks for that. */
async function sequenceFor(
  request: SearchRequest,
  streams: number,
  { windowMs, connectTimeoutMs }: AskAllOptions,
  write: EventWriter,
): Promise<Sequence> {
  if (request.follow) return new (await import('./in-window.ts')).InWindow(streams, windowMs, write);
  if (request.order === 'time') return new (await import('./in-order.ts')).InOrder(streams, write);
  return new Turns(streams, connectTimeoutMs, write);
}
