import { unreachable } from '../base/assert.ts';
import type { LogBatch, Message } from './messages.ts';
import type { Persist, Ready, Vote } from './types.ts';

/** One stable line for each message and each thing that is owed: transcripts are compared with it, people read it in logs. */
export function describe(message: Message): string {
  const head = `${message.from}->${message.to} t${message.term}`;
  switch (message.type) {
    case 'requestVote': {
      const kind = message.preVote ? 'requestPreVote' : 'requestVote';
      return `${head} ${kind} end ${message.endOffset} lastTerm ${message.lastTerm}${message.transfer ? ' transfer' : ''}`;
    }
    case 'requestVoteResponse':
      return `${head} ${message.preVote ? 'preVote' : 'vote'} ${message.granted ? 'granted' : 'refused'}`;
    case 'appendEntries': {
      const batches = message.batches.length === 0 ? '' : ` ${describeBatches(message.batches)}`;
      const way = message.isBulk === true ? ' bulk' : '';
      return `${head} append after ${message.offsetFrom}/t${message.previousTerm}${batches} hw ${message.highWatermark} ctx ${message.readContext}${way}`;
    }
    case 'appendEntriesResponse': {
      const outcome = message.success ? `match ${message.matchOffset}` : `refused hint ${message.hintOffset}/t${message.hintTerm}`;
      return `${head} append after ${message.requestOffset}: ${outcome} ctx ${message.readContext}`;
    }
    case 'timeoutNow':
      return `${head} timeoutNow`;
    default:
      return unreachable(message);
  }
}

/** Lines in the order in which a host would do the work. */
export function describeReady(ready: Ready): string[] {
  const lines: string[] = [];
  if (ready.role !== null) lines.push(`role ${ready.role.role} t${ready.role.term} leader ${ready.role.leader ?? '-'}`);
  if (ready.truncatedTo !== null) lines.push(`truncated to ${ready.truncatedTo}`);
  for (const message of ready.send) lines.push(`send ${describe(message)}`);
  if (ready.persist !== null) lines.push(...describePersist(ready.persist));
  if (ready.highWatermark !== null) lines.push(`hw ${ready.highWatermark}`);
  for (const { peer, offsetFrom, offsetTo, bytesMax } of ready.load) {
    lines.push(`load [${offsetFrom},${offsetTo}) for ${peer}, at most ${bytesMax} bytes`);
  }
  for (const { context, highWatermark } of ready.reads) lines.push(`read ${context} at ${highWatermark}`);
  for (const context of ready.readsFailed) lines.push(`read ${context} failed`);
  for (const peer of ready.rolledBack) lines.push(`rolled back ${peer}`);
  return lines;
}

function describePersist(persist: Persist): string[] {
  const parts = [`persist #${persist.id}`];
  if (persist.vote !== null) parts.push(describeVote(persist.vote));
  if (persist.truncateTo !== null) parts.push(`truncate to ${persist.truncateTo}`);
  if (persist.batches.length > 0) parts.push(describeBatches(persist.batches));
  return [parts.join(' '), ...persist.then.map((message) => `  then ${describe(message)}`)];
}

function describeVote(vote: Vote): string {
  return `vote t${vote.term} for ${vote.votedFor ?? '-'}`;
}

/** `[0,1)t1 [1,4)t1`. */
export function describeBatches(batches: readonly LogBatch[]): string {
  return batches.map((batch) => `[${batch.offsetFrom},${batch.offsetTo})t${batch.term}`).join(' ');
}
