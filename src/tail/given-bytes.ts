import { type Task, wait } from '../base/task.ts';
import type { FollowEvents } from './contract.ts';
import type { OpenFile } from './place.ts';

const readBytes = 64 * 1024;
/** Read of one file before others get their turn. */
const piecesAtOnce = 16;

/** Gives what there is of a file up to `size`, or a good part of it. False when what was read last is not there any more. */
export function* giveBytes(file: OpenFile, size: number, events: Pick<FollowEvents, 'bytes'>, isStopped: () => boolean): Task<boolean> {
  if (!(yield* file.hasFirst())) return false;
  for (let pieces = 0; pieces < piecesAtOnce && !isStopped(); pieces++) {
    const reading = yield* file.readOn(readBytes);
    if (reading === null) return false;
    const { chunk, placeAt } = reading;
    if (chunk.length === 0 || isStopped()) return true;
    const piece = { source: file.source, identity: file.identity, bytes: chunk, placeAt };
    yield* wait<void>((next) => events.bytes(piece, next));
    if (file.offset >= size) return true;
  }
  return true;
}
