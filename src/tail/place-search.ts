import type { Task } from '../base/task.ts';
import { close, type LogFolder } from './log-folder.ts';
import type { OpenFiles } from './open-files.ts';
import { type Checksums, isShortened, type OpenFile, type Place } from './place.ts';

/** The file is there, and other bytes stand where it was read. */
interface Changed {
  readonly changed: true;
}

export interface SearchNews {
  shortened(from: number, to: number): void;
  lost(why: 'cut' | 'gone'): void;
}

/** Finds the file of a place again, whatever it is called, or a copy of it. */
export class PlaceSearch {
  readonly #folder: LogFolder;
  readonly #open: OpenFiles;
  readonly #bytes: Checksums;
  readonly #news: SearchNews;

  constructor(folder: LogFolder, open: OpenFiles, bytes: Checksums, news: SearchNews) {
    this.#folder = folder;
    this.#open = open;
    this.#bytes = bytes;
    this.#news = news;
  }

  /** The file, or a copy of it. Null when it is gone; `changed` when other bytes stand where it was read. */
  *find(place: Place): Task<OpenFile | Changed | null> {
    const found = yield* this.#folder.whileNamesShift((paths) => this.#findAmong(place, paths));
    if (found !== null && !('changed' in found)) return found;
    return (yield* this.copyOf(place, this.#open.nextSource(), found === null ? 'gone' : 'cut')) ?? found;
  }

  /** The file, or a copy that is called as rotation calls it; for one that was left, and is looked at for late lines. */
  *findLeft(place: Place): Task<OpenFile | null> {
    const found = yield* this.#folder.whileNamesShift((paths) => this.#findAmong(place, paths));
    if (found !== null && !('changed' in found)) return found;
    return yield* this.#folder.whileNamesShift((paths) => this.#copyAmong(place, this.#open.nextSource(), paths, true));
  }

  /**
   * A file in its folder that has the bytes of the place where they were read, whatever it is called. One that is not called as rotation calls it may have
   * been copied long before, so something may be lost all the same.
   */
  *copyOf(place: Place, source: number, why: 'cut' | 'gone'): Task<OpenFile | null> {
    if (place.offset === 0) return null;
    const copy = yield* this.#folder.whileNamesShift((paths) => this.#copyAmong(place, source, paths, false));
    if (copy !== null && !this.#folder.isRotated(copy.path)) this.#news.lost(why);
    return copy;
  }

  *#findAmong(place: Place, paths: readonly string[]): Task<OpenFile | Changed | null> {
    let isChanged = false;
    for (const path of paths) {
      const status = yield* this.#folder.statusBeside(path);
      if (status?.identity !== place.identity) continue;
      const opened = yield* this.#folder.open(path);
      if (opened === null) continue;
      // Its name was another's before it was opened: it is met again under the one that it has now.
      if (opened.status.identity !== place.identity) {
        yield* close(opened.file);
        continue;
      }
      const begun = yield* this.#open.beginAtPlace(opened, place);
      if (begun !== null) return begun;
      if (yield* isShortened(opened.file, place, this.#bytes)) {
        this.#news.shortened(place.offset, opened.file.size);
        return yield* this.#open.beginAt(opened, opened.file.size);
      }
      isChanged = true;
      yield* close(opened.file);
    }
    return isChanged ? { changed: true } : null;
  }

  *#copyAmong(place: Place, source: number, paths: readonly string[], mustBeRotated: boolean): Task<OpenFile | null> {
    for (const path of paths) {
      const isRotated = this.#folder.isRotated(path);
      if (mustBeRotated && !isRotated) continue;
      const status = yield* this.#folder.statusBeside(path);
      if (status === null || status.identity === place.identity || status.size < place.offset) continue;
      // What may not be read may be the copy, if it is called so; other files are none of ours.
      const opened = isRotated ? yield* this.#folder.open(path) : yield* this.#folder.openBeside(path);
      if (opened === null) continue;
      const begun = yield* this.#open.beginAtPlace(opened, place, source);
      if (begun !== null) return begun;
      yield* close(opened.file);
    }
    return null;
  }
}
