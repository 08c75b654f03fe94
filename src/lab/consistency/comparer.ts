import type { ClientHistory, FaultPost } from './client.ts';

/** What a run left behind. `logs` are the lines of the server's files, by server; null if a server wrote none. */
export interface RunOutcome {
  readonly history: ClientHistory;
  readonly logs: readonly (readonly string[] | null)[];
}

export interface Verdict {
  /** As the course's comparer prints it. */
  readonly result: 'Success' | 'Failure';
  /** Every condition that does not hold, a sentence each; empty on success. */
  readonly reasons: readonly string[];
  /** A failure that the test itself causes: see `excuse`. */
  readonly isExcused: boolean;
  readonly excuse: string | null;
  /** Entries that stand more than once in a server's log. The course's comparer works on sets and would not see them; for us they are a defect. */
  readonly doubled: readonly string[];
}

/** The course's comparer, restated from contract 2, and our judgement of a failure. */
export function compareLogs(outcome: RunOutcome): Verdict {
  const reasons: string[] = [];
  const sent = outcome.history.puts.filter((put) => put.ok).map((put) => put.word);
  const sentSet = new Set(sent);
  const logs = outcome.logs.map((log) => log ?? []);
  const union = new Set(logs.flat());

  for (const [server, log] of outcome.logs.entries()) if (log === null) reasons.push(`server ${server} left no log`);
  const lost = sent.filter((word) => !union.has(word));
  if (lost.length > 0) reasons.push(`${lost.length} acknowledged entries are in no log: ${some(lost)}`);
  for (const [server, log] of logs.entries()) {
    const set = new Set(log);
    const missing = sent.filter((word) => !set.has(word));
    const extra = [...set].filter((word) => !sentSet.has(word));
    if (missing.length > 0) reasons.push(`server ${server} misses ${missing.length} entries: ${some(missing)}`);
    if (extra.length > 0) reasons.push(`server ${server} has ${extra.length} entries that were not acknowledged: ${some(extra)}`);
  }
  const first = logs[0] ?? [];
  const unequal = logs.flatMap((log, server) => (isEqual(log, first) ? [] : [server]));
  if (unequal.length > 0) reasons.push(`the logs of servers 0 and ${unequal.join(', ')} differ`);

  const doubled = [...new Set(logs.flatMap((log) => log.filter((word, index) => log.indexOf(word) !== index)))];
  const isSuccess = reasons.length === 0;
  const excuse = isSuccess ? null : findExcuse(outcome);
  return { result: isSuccess ? 'Success' : 'Failure', reasons, isExcused: excuse !== null, excuse, doubled };
}

/**
 * The course's test cannot be passed when a server is still crashed as `/exit` comes and entries were committed meanwhile: it may hear of them only
 * after `/recover`. That alone excuses a failure, and only if everything else is right: some log has exactly what was acknowledged, every differing
 * server's log is a beginning of it, and every entry that such a server misses was acknowledged after its crash began.
 */
function findExcuse({ history, logs }: RunOutcome): string | null {
  const answeredMs = new Map(history.puts.filter((put) => put.ok).map((put) => [put.word, put.endedMs]));
  const reference = logs.find((log) => log !== null && log.length === answeredMs.size && log.every((word) => answeredMs.has(word)));
  if (reference === undefined || reference === null || new Set(reference).size !== reference.length) return null;

  const excuses: string[] = [];
  for (const [server, log] of logs.entries()) {
    if (log === null) return null;
    if (isEqual(log, reference)) continue;
    const crashedFromMs = crashAtExit(history.posts, server);
    if (crashedFromMs === null) return null;
    if (log.length >= reference.length || !isEqual(log, reference.slice(0, log.length))) return null;
    const missing = reference.slice(log.length);
    if (missing.some((word) => (answeredMs.get(word) ?? 0) < crashedFromMs)) return null;
    excuses.push(`server ${server} was crashed at /exit and misses ${missing.length} entries committed during that crash`);
  }
  return excuses.length === 0 ? null : excuses.join('; ');
}

/** To hear of what it has missed, a server that recovered connects, proves who it is, and is sent it: some ten messages one after another. */
const catchUpMs = 10;

/**
 * When the crash began that this server was in as its `/exit` was sent, or null if it was not crashed then. Two threads may crash and recover one
 * server at once: nothing can be caught up in a recovery that another crash ends within `catchUpMs`, and the crash before it goes on.
 */
export function crashAtExit(posts: readonly FaultPost[], server: number): number | null {
  let crashedFromMs: number | null = null;
  let before: { readonly crashedFromMs: number | null; readonly recoveredMs: number } | null = null;
  for (const post of posts) {
    if (post.server !== server) continue;
    if (post.action === 'exit') return crashedFromMs;
    if (!post.ok) continue;
    if (post.action === 'recover') {
      if (crashedFromMs !== null) before = { crashedFromMs, recoveredMs: post.endedMs };
      crashedFromMs = null;
    } else if (crashedFromMs === null) {
      crashedFromMs = before !== null && post.sentMs <= before.recoveredMs + catchUpMs ? before.crashedFromMs : post.sentMs;
    }
  }
  return crashedFromMs;
}

/**
 * Puts that a server which was up all the while left without an answer. A perfect server has none: there is always a majority, and a leader is
 * found long before the client gives up. A put that was under way when its server crashed does not count, nor one to a process that did not listen.
 */
export function putsLeftUnanswered(history: ClientHistory): number {
  return history.puts.filter((put) => !put.ok && !put.refused && !wasCrashedWithin(history.posts, put.server, put.sentMs, put.endedMs))
    .length;
}

function wasCrashedWithin(posts: readonly FaultPost[], server: number, fromMs: number, toMs: number): boolean {
  let isCrashed = false;
  for (const post of posts) {
    if (post.server !== server || !post.ok) continue;
    // Between sending and answer either state may be the true one.
    if (post.action === 'crash') {
      if (post.sentMs > toMs) return isCrashed;
      isCrashed = true;
      if (post.endedMs >= fromMs) return true;
    } else if (post.action === 'recover') {
      if (isCrashed && post.endedMs >= fromMs) return true;
      isCrashed = false;
    }
  }
  return isCrashed;
}

const isEqual = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((word, index) => word === b[index]);

function some(words: readonly string[]): string {
  const shown = words.slice(0, 3).join(', ');
  return words.length > 3 ? `${shown}, ...` : shown;
}
