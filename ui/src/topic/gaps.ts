import { formatCount } from '../format.ts';
import { ApiError } from '../api.ts';
import { type BatchFacts, fetchBatch } from './batch.ts';

/** Offsets without a record that is shown: [offsetFrom, offsetTo). */
interface Gap {
  readonly partition: number | null;
  readonly offsetFrom: number;
  readonly offsetTo: number;
}

export function gapText({ partition, offsetFrom, offsetTo }: Gap): string {
  const of = partition === null ? '' : ` of partition ${partition}`;
  return offsetTo - offsetFrom === 1
    ? `Offset ${formatCount(offsetFrom)}${of} holds no record`
    : `Offsets ${formatCount(offsetFrom)} to ${formatCount(offsetTo - 1)}${of} hold no record`;
}

/**
 * Why, as far as it can be known from what is beside the gap. Brokers do not give out what they write for one another, so of a gap between two batches of one
 * term there is no telling which of its kinds it is.
 */
export async function whyGap(topic: string, { partition, offsetFrom, offsetTo }: Gap): Promise<string> {
  const before = offsetFrom === 0 ? null : await batchBefore(topic, partition ?? 0, offsetFrom - 1);
  const behind = await fetchBatch(topic, partition ?? 0, offsetTo);
  const termBefore = before !== null && before.offsetFirst < offsetFrom ? before.term : null;
  const sentences: string[] = [];
  if (behind !== null && termBefore !== behind.term)
    sentences.push(
      termBefore === null
        ? `The records behind it are of term ${behind.term}: a leader begins its term with an entry of its own, which takes one offset`
        : `Before it is term ${termBefore}, behind it term ${behind.term}: each leader begins its term with an entry of its own, which takes one offset`,
    );
  else if (behind === null && termBefore !== null)
    sentences.push(
      `Before it is term ${termBefore}, and nothing is behind it yet: a new leader has begun its term with an entry of its own`,
    );
  const isExplained = sentences.length > 0 && offsetTo - offsetFrom === 1;
  if (!isExplained)
    sentences.push(
      `${sentences.length > 0 ? 'The others are' : 'It is'} an append that was revoked, the entry that revokes one, or a change of who keeps the topic`,
    );
  return `${sentences.join('. ')}.`;
}

/** Null where it is not kept any more. */
async function batchBefore(topic: string, partition: number, offset: number): Promise<BatchFacts | null> {
  try {
    return await fetchBatch(topic, partition, offset);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'offsetOutOfRange') return null;
    throw error;
  }
}
