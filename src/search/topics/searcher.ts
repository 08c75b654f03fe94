/** `Searcher` for topics: a search of this machine's own replica, through the port. */
import { Buffer } from 'node:buffer';
import { describeOffsets, LogError, type ScanGap, type ScanResult, type SearchableLog } from '../../eventlog/index.ts';
import type { Output, SearchRequest } from '../../query/index.ts';
import type { AnswerSink, Searcher } from '../answer.ts';

export interface TopicsOptions {
  /** The name of this machine. */
  readonly machine: string;
  readonly log: Pick<SearchableLog, 'scan'>;
}

/** Somebody who waits longer than that has gone away, and a search that nobody waits for is ended by its connection. */
const timeoutMs = 24 * 3600 * 1000;

export function createTopicsSearcher({ machine, log }: TopicsOptions): Searcher {
  return async ({ source, match, output, engine, sinceMs, untilMs, follow }: SearchRequest, sink: AnswerSink, signal: AbortSignal) => {
    if (source.kind !== 'topic') throw new LogError('invalidRequest', 'Cannot search: only topics are searched here');
    if (follow) throw new LogError('invalidRequest', 'Cannot search: topics are not followed, only files are');
    const { topic, partition, where } = source;
    const label = `${machine}:${topic}`;
    const startMs = performance.now();
    let hasBegun = false;
    const begin = (): void => {
      if (!hasBegun) sink.begin({ name: topic, label, engine: 'linear', engineReason: null });
      hasBegun = true;
    };
    const cancel: { cancelled: boolean; onCancel: (() => void) | null } = { cancelled: false, onCancel: null };
    const stop = (): void => {
      cancel.cancelled = true;
      cancel.onCancel?.();
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      const query = { match, where, output, engine, form: 'text', name: label } as const;
      const result = await log.scan(
        {
          topic,
          partition,
          offsetFrom: null,
          offsetTo: null,
          sinceMs,
          untilMs,
          query,
          freshness: 'linearizable',
          sessionOffset: 0,
          timeoutMs,
          cancel,
        },
        {
          take({ bytes }, next) {
            begin();
            const wait = sink.bytes(bytes);
            if (wait === undefined) next();
            else void wait.then(next, next);
          },
        },
      );
      begin();
      const named = namesOf(output, label, result.selected);
      if (named.length > 0) await sink.bytes(named);
      sink.end({
        isSelected: result.selected > 0,
        selected: result.selected,
        bytesSearched: result.stats.bytesRead,
        elapsedMs: performance.now() - startMs,
        problem: problemOf(result),
        range: { from: result.offsetFrom, to: result.offsetTo },
        scan: result.stats,
      });
    } finally {
      signal.removeEventListener('abort', stop);
    }
  };
}

/** What grep prints of a file beside its lines: how many are selected, or its name. */
function namesOf({ mode, withName, nullAfterName, color }: Output, label: string, selected: number): Uint8Array {
  const painted = (text: string, colour: string): string => (color ? `\u001b[${colour}m\u001b[K${text}\u001b[m\u001b[K` : text);
  const name = painted(label, '35');
  if (mode === 'count') {
    const separator = nullAfterName ? '\0' : painted(':', '36');
    return Buffer.from(`${withName ? name + separator : ''}${selected}\n`);
  }
  const isNamed = (mode === 'with' && selected > 0) || (mode === 'without' && selected === 0);
  return Buffer.from(isNamed ? `${name}${nullAfterName ? '\0' : '\n'}` : '');
}

/** What is not in the answer, for people. */
function problemOf({ gaps }: ScanResult): string | null {
  const [first] = gaps;
  if (first === undefined) return null;
  const more = gaps.length === 1 ? '' : `, and ${gaps.length - 1} more ranges are missing`;
  return `${describeOffsets(first.offsetFrom, first.offsetTo)}: ${reasonOf(first)}${more}`;
}

function reasonOf({ reason, detail }: ScanGap): string {
  const why = detail === null ? '' : ` (${detail})`;
  switch (reason) {
    case 'removed':
      return `removed by retention or with the topic${why}`;
    case 'damaged':
      return `damaged on the disk of this broker${why}`;
    case 'unreadable':
      return `refused by the disk of this broker${why}`;
    case 'stopped':
      return `not searched${why}`;
    case 'context':
      return detail ?? 'less context is shown than there is';
  }
}
