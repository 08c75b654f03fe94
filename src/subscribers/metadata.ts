/**
 * What whoever acknowledges says beside the place, as Kafka's offset commit does: text that belongs to the place, kept until the cursor stands elsewhere or another
 * text is said of the same place. Each is bounded by the port, all of one group by the command that adds to them.
 */
import { utf8Length } from '../base/bytes.ts';
import type { AckedPosition } from './commands.ts';
import { type Cursor, cursorKey, type Subscriber } from './subscriber.ts';

/** All changes of what cursors have of it go through this, so that it is known how much there is in the group. */
export class Metadata {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  clear(): void {
    this.#bytes = 0;
  }

  /** What a snapshot has of one cursor. */
  restored(cursor: Cursor): void {
    this.#bytes += bytesOf(cursor);
  }

  /** The cursor stands elsewhere, or is gone. */
  forget(cursor: Cursor): void {
    this.#bytes -= bytesOf(cursor);
    cursor.metadata = null;
  }

  /** Empty text is none. */
  say(cursor: Cursor, text: string): void {
    this.forget(cursor);
    cursor.metadata = text === '' ? null : text;
    this.#bytes += bytesOf(cursor);
  }

  /** Whether there would be at most so much in the group once these are acknowledged. */
  isRoomFor({ cursors }: Subscriber, positions: readonly AckedPosition[], bytesMax: number): boolean {
    let added = 0;
    for (const { metadata = '', ...position } of positions) {
      const cursor = cursors.get(cursorKey(position));
      if (metadata !== '' && cursor !== undefined && position.offset >= cursor.offset) added += utf8Length(metadata) - bytesOf(cursor);
    }
    return added <= 0 || this.#bytes + added <= bytesMax;
  }
}

const bytesOf = ({ metadata }: Cursor): number => (metadata === null ? 0 : utf8Length(metadata));
