/**
 * Removing a whole log. Its names go one by one, and of those that are not synced yet a power loss keeps any: what is left would look like a log with a
 * gap, or like a shorter one. So a file says first that the log is removed, and whoever finds it finishes.
 */
import { done as succeeded, type Result } from '../base/result.ts';
import { runTask, type Task, wait } from '../base/task.ts';
import type { Disk, DiskError, DiskFile } from '../host/index.ts';
import type { OpenFailure } from './contract.ts';
import { parentOf } from './disk-path.ts';
import { closeFile, DiskFailed, guard, removeIfThere, syncDirectory, Unreadable } from './steps.ts';

/** Stands in the folder of a log while that is removed. */
export const removedName = 'removed';

/** Removes a log that is not open, or of which a removal was interrupted, and its folder. */
export function removeGroupLog(disk: Disk, directory: string, done: (result: Result<undefined, OpenFailure>) => void): void {
  runTask(function* (): Task<Result<undefined, OpenFailure>> {
    const removed = yield* guard(removeWithFolder(disk, directory));
    return removed.ok ? succeeded : removed;
  }, done);
}

function* removeWithFolder(disk: Disk, directory: string): Task<void> {
  yield* removeLog(disk, directory);
  // What somebody else has put there keeps it.
  const removed = yield* wait<Result<undefined, DiskError>>((done) => disk.remove(directory, done));
  if (removed.ok) yield* syncDirectory(disk, parentOf(directory));
}

/** Idempotent; the folder stays. */
export function* removeLog(disk: Disk, directory: string): Task<void> {
  const listed = yield* wait<Result<readonly string[], DiskError>>((done) => disk.list(directory, done));
  if (!listed.ok && listed.error.code !== 'notFound') throw new Unreadable(listed.error);
  const names = listed.ok ? listed.value : [];
  if (names.length === 0) return;
  if (!names.includes(removedName)) yield* announceRemoval(disk, directory);
  yield* syncDirectory(disk, directory);
  for (const name of names) if (name !== removedName) yield* removeIfThere(disk, `${directory}/${name}`);
  yield* syncDirectory(disk, directory);
  yield* removeIfThere(disk, `${directory}/${removedName}`);
  // Or a power loss could bring it back beside a log that is new.
  yield* syncDirectory(disk, directory);
}

/** On a full disk it goes without: there, removing is what helps. */
function* announceRemoval(disk: Disk, directory: string): Task<void> {
  const created = yield* wait<Result<DiskFile, DiskError>>((done) => disk.open(`${directory}/${removedName}`, 'create', done));
  if (created.ok) yield* closeFile(created.value);
  else if (created.error.code !== 'noSpace') throw new DiskFailed(created.error);
}
