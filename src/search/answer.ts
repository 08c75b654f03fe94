/**
 * What a machine that searches says, whoever carries it: a head, then parts (a file, a partition of a topic), each with bytes of many lines at once, then
 * an end. Bytes are as they are printed, with the label in front of each line where names are asked for: the program that searches writes it there at no
 * cost, and nobody behind it has to look for lines.
 */
import type { ErrorCode } from '../base/errors.ts';
import type { TraceContext } from '../base/trace-context.ts';
import type { SpanService } from '../eventlog/index.ts';
import type { ScanBegun, ScanResult, ScanStats } from '../eventlog/types.ts';
import type { SearchRequest } from '../query/index.ts';

export interface AnswerHead {
  /** What the machine calls itself: unique in one answer. */
  readonly machine: string;
  readonly version: string;
}

/** What searched a part; `linear` is Cairn's own. */
export type EngineUsed = 'grep' | 'ripgrep' | 'linear';

export interface PartHead {
  /** The file as its exposure names it, or the topic. */
  readonly name: string;
  /** What stands before its lines: `machine:name`. */
  readonly label: string;
  readonly engine: EngineUsed;
  /** What would have to be so for the quicker engine; null where it is the quicker one or was asked for. */
  readonly engineReason: string | null;
  /** Of a topic: what is about to be searched; of one that is followed: what of it was there before. */
  readonly begun?: ScanBegun;
}

/** How far a search of a topic has come. */
export interface Reached {
  /** All is given that was found below this offset. */
  readonly offsetTo: number;
  /** Lines given so far. */
  readonly lines: number;
}

/** What was searched of a topic; null for what is not known of a search whose end did not come. */
export interface TopicPart extends Omit<ScanResult, 'stats'> {
  readonly stats: ScanStats | null;
}

export interface PartEnd {
  readonly isSelected: boolean;
  /** Lines selected, with `onlyMatching` matches; null where only whether there are any is known. */
  readonly selected: number | null;
  readonly bytesSearched: number;
  readonly elapsedMs: number;
  /** Why it is not complete, as the end of a sentence; null when it is. */
  readonly problem: string | null;
  /** Which part ends, by the order in which they were begun, from 0; left out where there is only one under way. */
  readonly index?: number;
  /** Of a topic: the offsets that the answer is complete for, what is missing of them, and what was read for it. */
  readonly topic?: TopicPart;
}

/** A file that could not be opened was not; of any other something may have been found before it could be read no further. */
export const wasSearched = ({ problem, bytesSearched }: Pick<PartEnd, 'problem' | 'bytesSearched'>): boolean =>
  problem === null || bytesSearched > 0;

/** How many of those that went wrong are named. */
const namedMax = 20;

/** Ends of sentences as one. */
export function joinProblems(problems: readonly string[]): string {
  const left = problems.length - namedMax;
  return `${problems.slice(0, namedMax).join('; ')}${left > 0 ? `; and ${left} more` : ''}`;
}

/** How an answer ends: whole, or with why it is not, as an error of the catalogue. */
export interface AnswerEnd {
  readonly code: ErrorCode | null;
  readonly problem: string | null;
}

/** Takes an answer as it is found. */
export interface AnswerSink {
  begin(part: PartHead): void;
  /** Bytes of the part that was begun, which are the sink's from then on; where a promise is given the searcher waits for it before it gives more. */
  bytes(chunk: Uint8Array): Promise<void> | undefined;
  /** Lines of several parts in order of time, in the form of `timed-lines.ts`; waits until they were taken. */
  lines(payload: Uint8Array): Promise<void> | undefined;
  end(part: PartEnd): void;
  /** Of a topic, behind what was found until there: who asks goes on from there where the rest does not come. */
  reached(reached: Reached): void;
  /** Something that people should know now, as a sentence without its end. */
  note(text: string): void;
}

/** Where a search tells what takes it how long: of a request that is traced (docs/decisions/0033). */
export interface SearchTrace {
  readonly spans: SpanService;
  /** The span that the search is part of. */
  readonly context: TraceContext;
}

/**
 * Searches one machine and ends when everything has been given to the sink. Throws a LogError where the request as a whole cannot be done: before the
 * first part, or behind the last. Once `signal` is aborted nothing that it started is left.
 * @param trace null where the request is not traced
 */
export type Searcher = (request: SearchRequest, sink: AnswerSink, signal: AbortSignal, trace?: SearchTrace | null) => Promise<void>;

/** By the kind of what is searched; null where this machine has none. */
export interface Searchers {
  readonly files: Searcher | null;
  readonly topic: Searcher | null;
}
