import type { AppendEntries, Message } from './messages.ts';

/**
 * Whether a message could have been made by a correct peer, as far as it shows by itself. What fails is dropped like a lost message: bad input
 * from outside never breaks an invariant inside.
 */
export function isWellFormed(message: Message): boolean {
  return message.type !== 'appendEntries' || hasContiguousBatches(message);
}

function hasContiguousBatches(message: AppendEntries): boolean {
  let end = message.offsetFrom;
  let term = message.previousTerm;
  for (const batch of message.batches) {
    if (batch.offsetFrom !== end || batch.offsetTo <= batch.offsetFrom) return false;
    if (batch.term < term || batch.term > message.term) return false;
    end = batch.offsetTo;
    term = batch.term;
  }
  return true;
}
