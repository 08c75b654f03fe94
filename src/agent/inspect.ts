import { runTask, type Task } from '../base/task.ts';
import type { Result } from '../base/result.ts';
import type { DiskFile } from '../host/index.ts';
import type { OpenFailure } from '../storage/index.ts';
import { closing, CorruptionFound, guard, listNames, openFile, readAt, readWhole } from '../storage/steps.ts';
import { decodeProgress, progressPath } from './progress.ts';
import type { SpoolHost } from './spool.ts';
import {
  decodeFrame,
  decodeNotes,
  decodeSession,
  firstOfName,
  frameBytesMax,
  segmentName,
  sessionPath,
  takeNotes,
} from './spool-format.ts';

/** A spool as it lies on the disk, while an agent may be writing it. */
export interface SpoolView {
  readonly name: Uint8Array;
  readonly session: string;
  /** Number of the first event of the session. */
  readonly base: number;
  /** One above the last event. */
  readonly end: number;
  /** Events below this number are known to be stored, as of about a second ago; null where it was never noted. */
  readonly acknowledged: number | null;
  readonly bytes: number;
  readonly notes: ReadonlyMap<string, string>;
}

/** Reads a spool without changing anything; null where there is none. */
export function inspectSpool(host: SpoolHost, done: (result: Result<SpoolView | null, OpenFailure>) => void): void {
  runTask(() => guard(inspect(host)), done);
}

function* inspect({ disk, bytes }: SpoolHost): Task<SpoolView | null> {
  const stored = yield* readWhole(disk, sessionPath);
  if (stored === null) return null;
  const session = decodeSession(stored, bytes);
  if (session === null)
    throw new CorruptionFound({ path: sessionPath, position: 0, expected: 'a session with its checksum', found: 'other bytes' });
  const progress = yield* readWhole(disk, progressPath);
  const notes = new Map<string, string>();
  let end = session.base;
  let size = 0;
  for (const first of (yield* listNames(disk, '')).flatMap((each) => firstOfName(each) ?? [])) {
    const segment = yield* readSegment({ disk, bytes }, first, notes);
    if (segment === null) continue;
    end = segment.end;
    size += segment.size;
  }
  const acknowledged = progress === null ? null : (decodeProgress(progress, bytes)?.saved.acknowledged ?? null);
  return { name: session.name, session: session.session, base: session.base, end, acknowledged, bytes: size, notes };
}

/** Up to what is no whole frame, which may be one that is being written. Null for one that was forgotten meanwhile. */
function* readSegment({ disk, bytes }: SpoolHost, first: number, notes: Map<string, string>): Task<{ end: number; size: number } | null> {
  const opened = yield* guard(openFile(disk, segmentName(first), 'read'));
  if (!opened.ok) return null;
  const file: DiskFile = opened.value;
  return yield* closing(
    file,
    (function* (): Task<{ end: number; size: number }> {
      let end = first;
      let at = 0;
      while (at < file.size) {
        const chunk = yield* readAt(file, at, Math.min(frameBytesMax, file.size - at));
        let read = 0;
        for (let frame = decodeFrame(chunk, 0, bytes); frame !== null && frame.first === end; frame = decodeFrame(chunk, read, bytes)) {
          end += frame.count;
          read += frame.bytes;
          takeNotes(notes, decodeNotes(frame.notes, bytes));
        }
        if (read === 0) break;
        at += read;
      }
      return { end, size: file.size };
    })(),
  );
}
