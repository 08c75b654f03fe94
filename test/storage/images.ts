/**
 * The images that a crash at one moment of a recorded run could leave. What a sync covers is there: it began after the call had ended and has ended
 * itself. All else is kept, lost, or, if it is a write, torn at sectors of 512 bytes; and whatever order it was written in, any of it may be there without the rest.
 */
import { systemBytes } from '../../src/system/bytes.ts';
import {
  type Call,
  type DataCall,
  type Files,
  type Image,
  imageOf,
  type Left,
  type NameCall,
  type RecordedDisk,
  type SyncCall,
} from './recorded-disk.ts';

const sectorBytes = 512;

/** Which sectors of a write are there: all, none, or those for which it is true. */
type Fate = 'kept' | 'lost' | ((sector: number) => boolean);

export interface Crash {
  readonly image: Image;
  /** What was lost, for messages. */
  readonly what: string;
  /** Only names are missing, so that a sync of a folder is. */
  readonly onlyNames: boolean;
}

const isData = (call: Call): call is DataCall => call.kind === 'write' || call.kind === 'truncate';
const isName = (call: Call): call is NameCall => call.kind === 'name';

/** Makes the images of one recorded run, moment after moment. */
export class CrashImages {
  readonly #trace: readonly Call[];
  /** When the first sync that covers it has ended. */
  readonly #durableFrom = new Map<DataCall | NameCall, number>();
  /** What the first `#folded` calls have left; all of them are durable. */
  readonly #base: Files;
  #folded = 0;

  constructor(disk: RecordedDisk) {
    this.#trace = disk.trace;
    const syncs = disk.trace.filter((call): call is SyncCall => call.kind === 'sync' || call.kind === 'syncDirectory');
    for (const call of disk.trace) {
      if (!isData(call) && !isName(call)) continue;
      const target = isData(call) ? call.file : call.folder;
      let from = Number.POSITIVE_INFINITY;
      for (const sync of syncs) if (sync.target === target && call.ended < sync.began) from = Math.min(from, sync.ended);
      this.#durableFrom.set(call, from);
    }
    this.#base = { bytes: new Map(disk.first.bytes), names: new Map(disk.first.names) };
  }

  /** When something that a crash could undo begins or ends, ascending. */
  get moments(): number[] {
    const moments = new Set<number>();
    for (const { began, ended } of this.#trace) {
      moments.add(began);
      if (Number.isFinite(ended)) moments.add(ended);
    }
    return [...moments].sort((a, b) => a - b);
  }

  /** Times never go back. */
  #foldUpTo(time: number): void {
    for (let call = this.#trace[this.#folded]; call !== undefined; call = this.#trace[++this.#folded]) {
      if (isData(call) || isName(call)) {
        if (!this.#isDurable(call, time)) return;
        apply(this.#base, call, 'kept');
      } else if (call.ended > time) return;
    }
  }

  #isDurable(call: DataCall | NameCall, time: number): boolean {
    return (this.#durableFrom.get(call) ?? 0) <= time;
  }

  /** A process that is killed leaves everything that had ended, and of what was under way all or nothing; the power may still fail later. */
  killed(time: number, underWay: 'kept' | 'lost'): Left {
    this.#foldUpTo(time);
    return {
      written: this.#files(time, (call) => (call.ended <= time ? 'kept' : underWay)),
      durable: this.#files(time, (call) => (this.#isDurable(call, time) ? 'kept' : 'lost')),
    };
  }

  /** Every image of a loss of power at that time that this model makes, each once. */
  *at(time: number): Generator<Crash> {
    this.#foldUpTo(time);
    const open = this.#trace.slice(this.#folded).filter((call) => call.began <= time);
    const data = open.filter(isData).filter((call) => !this.#isDurable(call, time));
    const names = open.filter(isName).filter((call) => !this.#isDurable(call, time));
    const indexes = new Map<DataCall | NameCall, number>();
    for (const calls of [data, names]) for (const [index, call] of calls.entries()) indexes.set(call, index);
    const touched = new Set(open.filter(isData).map(({ file }) => file));
    const seen = new Set<string>();
    const crash = function* (
      this: CrashImages,
      what: string,
      dataFate: (index: number) => Fate,
      nameFate: (index: number) => boolean,
    ): Generator<Crash> {
      const files = this.#files(time, (call) => {
        const index = indexes.get(call);
        if (index === undefined) return 'kept';
        if (isData(call)) return dataFate(index);
        return nameFate(index) ? 'kept' : 'lost';
      });
      const key = keyOf(files, touched);
      if (seen.has(key)) return;
      seen.add(key);
      yield { image: imageOf(files), what, onlyNames: data.every((_call, index) => dataFate(index) === 'kept') };
    }.bind(this);

    for (const allNames of [true, false]) {
      const nameFate = (): boolean => allNames;
      const suffix = allNames ? '' : ', and all names';
      yield* crash(`nothing${suffix}`, () => 'kept', nameFate);
      yield* crash(`all data${suffix}`, () => 'lost', nameFate);
      for (const [index, call] of data.entries()) {
        const one = `write ${index} of ${data.length} (${call.bytes.length} bytes at ${call.position})`;
        yield* crash(`${one}${suffix}`, (other) => (other === index ? 'lost' : 'kept'), nameFate);
        yield* crash(`all data but ${one}${suffix}`, (other) => (other === index ? 'kept' : 'lost'), nameFate);
        const sectors = call.kind === 'write' ? sectorsOf(call) : 1;
        for (let step = 0; step < sectors && sectors > 1; step++) {
          const torn =
            (isThere: (sector: number) => boolean) =>
            (other: number): Fate =>
              other === index ? isThere : other < index ? 'kept' : 'lost';
          yield* crash(
            `${one} from sector ${step} on${suffix}`,
            torn((sector) => sector < step),
            nameFate,
          );
          yield* crash(
            `${one} up to sector ${step}${suffix}`,
            torn((sector) => sector > step),
            nameFate,
          );
          yield* crash(
            `${one} in sector ${step}${suffix}`,
            torn((sector) => sector !== step),
            nameFate,
          );
          yield* crash(
            `${one} but for sector ${step}${suffix}`,
            torn((sector) => sector === step),
            nameFate,
          );
        }
      }
    }
    for (const index of names.keys()) {
      for (const dataFate of ['kept', 'lost'] as const) {
        const suffix = dataFate === 'kept' ? '' : ', and all data';
        yield* crash(
          `name change ${index} of ${names.length}${suffix}`,
          () => dataFate,
          (other) => other !== index,
        );
        yield* crash(
          `all name changes but ${index} of ${names.length}${suffix}`,
          () => dataFate,
          (other) => other === index,
        );
      }
    }
  }

  #files(time: number, fateOf: (call: DataCall | NameCall) => Fate): Files {
    const files: Files = { bytes: new Map(this.#base.bytes), names: new Map(this.#base.names) };
    const own = new Set<Uint8Array>();
    for (let index = this.#folded; index < this.#trace.length; index++) {
      const call = this.#trace[index] as Call;
      if (call.began > time) break;
      if (isData(call) || isName(call)) apply(files, call, fateOf(call), own);
    }
    return files;
  }
}

/** Bytes in `own` were made for these files and are written in place; others, which more images share, are copied first. */
function apply(files: Files, call: DataCall | NameCall, fate: Fate, own = new Set<Uint8Array>()): void {
  if (isData(call)) {
    files.bytes.set(call.file, applied(files.bytes.get(call.file) ?? new Uint8Array(0), call, fate, own));
    return;
  }
  if (fate !== 'kept') return;
  for (const [name, file] of call.names) {
    const path = call.folder === '' ? name : `${call.folder}/${name}`;
    if (file === null) files.names.delete(path);
    else files.names.set(path, file);
  }
}

function applied(before: Uint8Array, call: DataCall, fate: Fate, own: Set<Uint8Array>): Uint8Array {
  if (fate === 'lost') return before;
  if (call.kind === 'truncate') return resized(before, call.position, own);
  const end = call.position + call.bytes.length;
  const after = end <= before.length && own.has(before) ? before : resized(before, Math.max(before.length, end), own);
  const firstSector = Math.floor(call.position / sectorBytes);
  for (let from = call.position; from < end; ) {
    const to = Math.min(end, (Math.floor(from / sectorBytes) + 1) * sectorBytes);
    const isThere = fate === 'kept' || fate(Math.floor(from / sectorBytes) - firstSector);
    if (isThere) after.set(call.bytes.subarray(from - call.position, to - call.position), from);
    from = to;
  }
  return after;
}

function resized(before: Uint8Array, length: number, own: Set<Uint8Array>): Uint8Array {
  const after = new Uint8Array(length);
  after.set(before.subarray(0, length));
  own.add(after);
  return after;
}

const sectorsOf = ({ position, bytes }: DataCall): number =>
  Math.ceil((position + bytes.length) / sectorBytes) - Math.floor(position / sectorBytes);

/** Tells the images of one moment apart: all names, and the bytes that may differ. */
function keyOf({ bytes, names }: Files, touched: ReadonlySet<number>): string {
  let key = [...names]
    .map(([path, file]) => `${path}=${file}`)
    .sort()
    .join();
  for (const file of touched) key += `;${file}:${systemBytes.crc32c(bytes.get(file) ?? new Uint8Array(0))}:${bytes.get(file)?.length ?? 0}`;
  return key;
}
