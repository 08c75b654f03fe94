/**
 * Filters of sealed segments as files, in a folder of their own in the data directory (`search-index/`): whoever removes it loses nothing but time. The thread
 * that searches is the only one that knows of it, so the log has nothing to do with them; of segments that are gone they are removed here.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { Bytes } from '../../host/index.ts';
import { type FilterStore, filtersInMemory, GramFilter, type SegmentPart } from '../../storage/index.ts';

const folderName = 'search-index';
const suffix = '.grams';
const temporarySuffix = '.tmp';
/** Of filters in memory: of 1.6 GB of segments. */
const keptBytesMax = 42 * 1024 * 1024;

export function filterFiles(root: string, bytes: Bytes): FilterStore {
  const folder = path.join(root, folderName);
  const kept = filtersInMemory(keptBytesMax);
  tidy(root, folder);
  return {
    get(part, done) {
      kept.get(part, (known) => {
        if (known !== null) return done(known);
        const filter = readFilter(path.join(folder, nameOf(part)), part, bytes);
        if (filter !== null) kept.put(part, filter);
        done(filter);
      });
    },
    put(part, filter) {
      kept.put(part, filter);
      writeFilter(folder, nameOf(part), filter.encode(part.header, bytes));
    },
  };
}

/** `groups/7/00000000000000000000.log` as one name, with the salt that no other file of this name has. */
const nameOf = ({ path: segment, header }: SegmentPart): string =>
  `${segment.replaceAll('/', '+')}.${header.salt.toString(16).padStart(8, '0')}${suffix}`;

const segmentOf = (name: string): string => name.slice(0, -(suffix.length + 9)).replaceAll('+', '/');

function readFilter(file: string, { header }: SegmentPart, bytes: Bytes): GramFilter | null {
  try {
    return GramFilter.read(fs.readFileSync(file), header, bytes);
  } catch {
    // Missing or unreadable, it is made again.
    return null;
  }
}

/** Its checksum tells a torn one, so nothing is synced; a full disk goes without. */
function writeFilter(folder: string, name: string, encoded: Uint8Array): void {
  const temporary = path.join(folder, name + temporarySuffix);
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    fs.writeFileSync(temporary, encoded, { mode: 0o600 });
    fs.renameSync(temporary, path.join(folder, name));
  } catch {
    fs.rmSync(temporary, { force: true });
  }
}

/** Once for each start of the thread. */
function tidy(root: string, folder: string): void {
  let names: string[] = [];
  try {
    names = fs.readdirSync(folder);
  } catch {
    // There is none yet.
  }
  for (const name of names) {
    const isOfSegment = name.endsWith(suffix) && fs.existsSync(path.join(root, segmentOf(name)));
    if (!isOfSegment) fs.rmSync(path.join(folder, name), { force: true });
  }
}
