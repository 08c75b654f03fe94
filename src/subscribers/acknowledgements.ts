import type { Task } from '../base/task.ts';
import { type Acked, type AckRequest, type Outcome, type PositionToAck, shownTopic } from '../eventlog/index.ts';
import type { AckedPosition } from './commands.ts';
import { lostOf, positionsOf } from './cursors.ts';
import type { Group } from './group.ts';
import { failure, refused } from './refusals.ts';
import { shownClient } from './requests.ts';
import { holderOf, implicitWorker, type Subscriber } from './subscriber.ts';
import type { Found, Wanted } from './topic-reads.ts';

/** What is remembered only to spare work. */
const endsMax = 10_000;

/** What is acknowledged, alone or with a pull: of cursors that are meant, and of records that are there. */
export class Acknowledgements {
  readonly #group: Group;
  /** Ends of partitions as some read has shown them; what is below is there. By group. */
  readonly #ends = new Map<number, number>();

  constructor(group: Group) {
    this.#group = group;
  }

  *ack({ subscriber: id, positions: asked, each = false }: AckRequest): Task<Outcome<Acked>> {
    const doing = `acknowledge for ${shownClient('subscriber', id)}`;
    const current = yield* this.#group.current(doing, id);
    if (!current.ok) return current;
    const find = this.#group.finderOf(current.value);
    const lost = each ? lostOf(find, asked) : [];
    const meant = asked.filter((position) => !lost.includes(position));
    const positions = yield* this.positions(current.value, meant, doing);
    if (!positions.ok) return positions;
    const { groupMetadata: groupMetadataMax } = this.#group.context.limits;
    const outcome = yield* this.#group.submit({
      type: 'ack',
      subscriber: id,
      made: current.value.made,
      positions: positions.value,
      ...(each ? { each } : {}),
      ...(meant.some(({ metadata }) => metadata !== undefined) ? { groupMetadataMax } : {}),
    });
    if (!outcome.ok) return outcome;
    if (outcome.value !== 'done') return refused(doing, outcome.value);
    const left = lost.flatMap(({ topic, partition }) => find(topic, partition) ?? []);
    return { ok: true, value: { subscriber: id, cursors: positionsOf(this.#group.subscriber(id), [...positions.value, ...left]) } };
  }

  /**
   * The cursors that are meant, none of them beyond the end of what there is.
   *
   * @param late takes those whose partition nobody can read now; without it they are refused, with all others
   */
  *positions(
    subscriber: Subscriber,
    asked: readonly PositionToAck[],
    doing: string,
    late: PositionToAck[] | null = null,
  ): Task<Outcome<AckedPosition[]>> {
    const positions: AckedPosition[] = [];
    const find = this.#group.finderOf(subscriber);
    for (const position of asked) {
      const { topic, partition = 0, offset, generation = null, tries, metadata } = position;
      const cursor = find(topic, partition);
      if (cursor === undefined) return refused(`${doing} in ${shownTopic(topic)}`, 'notSubscribed');
      // As it is now: whoever waits below may find that the cursor was moved meanwhile.
      const { topicId, generation: meant } = cursor;
      if (generation !== null && generation !== meant) return refused(doing, 'staleGeneration');
      const holder = holderOf(cursor);
      if (generation === null && holder !== implicitWorker)
        return failure(
          'staleGeneration',
          doing,
          `worker "${holder}" holds ${shownTopic(topic)}, partition ${partition}: its generation is needed`,
        );
      if (offset > cursor.pulledTo) {
        const wanted = this.#group.wanted(cursor, offset);
        if ('code' in wanted) return failure(wanted.code, doing, wanted.message);
        if (late !== null && this.#isLate(wanted, offset)) {
          late.push(position);
          continue;
        }
        const end = yield* this.#endOf(wanted, offset);
        if (!end.ok && late !== null && end.error.retriable) {
          late.push(position);
          continue;
        }
        if (!end.ok) return end;
        if (offset > end.value)
          return failure('offsetOutOfRange', doing, `${shownTopic(topic)} ends at ${end.value}, before ${offset}`, {
            endOffset: end.value,
          });
      }
      const more = { ...(tries === undefined ? {} : { tries }), ...(metadata === undefined ? {} : { metadata }) };
      positions.push({ topicId, partition, offset, generation: meant, ...more });
    }
    return { ok: true, value: positions };
  }

  /** At least `offset` where the partition has so much, as was seen once; else its end now. */
  *#endOf(wanted: Wanted, offset: number): Task<Outcome<number>> {
    const known = this.#ends.get(wanted.group) ?? 0;
    return known >= offset ? { ok: true, value: known } : yield* this.#group.reads.end(wanted);
  }

  #isLate({ group }: Wanted, offset: number): boolean {
    return (this.#ends.get(group) ?? 0) < offset && this.#group.reads.isLate(group);
  }

  noteEnds(found: readonly Found[]): void {
    for (const { wanted, part } of found)
      if (part !== null) this.#ends.set(wanted.group, Math.max(part.highWatermark, this.#ends.get(wanted.group) ?? 0));
    if (this.#ends.size > endsMax) this.#ends.clear();
  }
}
