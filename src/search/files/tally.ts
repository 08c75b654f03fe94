/**
 * How many lines were selected, from the bytes that a search program printed: they go on as they are, and only what must be looked at is. Where names or
 * separators leave no trace of which lines are context, the program is told to print a mark of its own in front of each line, which is taken out here.
 */
import { Buffer } from 'node:buffer';
import type { Labelling, SearchRequest } from '../../query/index.ts';
import { countByte } from './count-byte.ts';

export interface Tally {
  /** What the program is to print in front of lines. */
  readonly labelling: Labelling;
  /** Takes a chunk of its output and gives what is to be sent of it. */
  take(chunk: Buffer): Buffer;
  /** What is left when the output has ended. */
  rest(): Buffer;
  /** Lines selected so far, or null where nobody knows. */
  selected(): number | null;
}

const lineFeed = 0x0a;
const colon = 0x3a;
const none: Buffer = Buffer.alloc(0);
/** What GNU grep puts around a name and a separator in colour. */
const nameColor = { before: '\u001b[35m\u001b[K', after: '\u001b[m\u001b[K' } as const;
const separatorColor = '\u001b[36m\u001b[K';

export function tallyFor({ output }: SearchRequest, label: string): Tally {
  const { mode, withName, nullAfterName, groupSeparator } = output;
  const labelling = { label, withName, nullAfterName, groupSeparator };
  if (mode === 'count') return new CountTally(labelling);
  if (mode !== 'lines') return passOn(labelling);
  const hasContext = output.before !== null || output.after !== null;
  if (!hasContext) return new LineTally(labelling, output.nullData ? 0 : lineFeed);
  if (output.nullData || output.onlyMatching) return passOn(labelling);
  if (withName && !nullAfterName) return new PrefixTally(labelling, output.color);
  return output.color ? passOn(labelling) : new MarkTally(labelling, output.initialTab && !output.lineNumbers && !output.byteOffsets);
}

/** Nobody knows, or nobody needs to. */
function passOn(labelling: Labelling): Tally {
  return { labelling, take: (chunk) => chunk, rest: () => none, selected: () => null };
}

/** Without context every line that is printed is selected. */
class LineTally implements Tally {
  readonly labelling: Labelling;
  readonly #terminator: number;
  #selected = 0;

  constructor(labelling: Labelling, terminator: number) {
    this.labelling = labelling;
    this.#terminator = terminator;
  }

  take(chunk: Buffer): Buffer {
    this.#selected += countByte(chunk, this.#terminator);
    return chunk;
  }

  rest(): Buffer {
    return none;
  }

  selected(): number {
    return this.#selected;
  }
}

/** `-c`: the program says it itself, at the end of its one line. */
class CountTally implements Tally {
  readonly labelling: Labelling;
  #text = '';

  constructor(labelling: Labelling) {
    this.labelling = labelling;
  }

  take(chunk: Buffer): Buffer {
    this.#text = (this.#text + chunk.toString('latin1')).slice(-32);
    return chunk;
  }

  rest(): Buffer {
    return none;
  }

  /** A program that can select nothing, for want of patterns or with `-m 0`, ends without a word. */
  selected(): number | null {
    if (this.#text === '') return 0;
    const [, digits] = /(\d+)\n$/.exec(this.#text) ?? [];
    return digits === undefined ? null : Number(digits);
  }
}

/** With context and names: behind the name stands a colon where the line is selected, a hyphen where it is not. */
class PrefixTally implements Tally {
  readonly labelling: Labelling;
  /** Bytes of a line before the separator. */
  readonly #separatorAt: number;
  readonly #isKnown: boolean;
  /** Bytes of the line that have been seen. */
  #column = 0;
  #selected = 0;

  constructor(labelling: Labelling, color: boolean) {
    this.labelling = labelling;
    const { label, groupSeparator } = labelling;
    const prefix = color ? `${nameColor.before}${label}${nameColor.after}${separatorColor}` : label;
    this.#separatorAt = Buffer.byteLength(prefix);
    // A line between groups must not be long enough to be taken for one of the file.
    this.#isKnown =
      groupSeparator === null || (Buffer.byteLength(groupSeparator) <= Buffer.byteLength(label) && !groupSeparator.includes('\n'));
  }

  take(chunk: Buffer): Buffer {
    if (!this.#isKnown) return chunk;
    for (let at = 0; at < chunk.length; ) {
      const end = chunk.indexOf(lineFeed, at);
      const to = end < 0 ? chunk.length : end;
      const separator = at + this.#separatorAt - this.#column;
      if (separator >= at && separator < to && chunk[separator] === colon) this.#selected++;
      this.#column = end < 0 ? this.#column + to - at : 0;
      at = to + 1;
    }
    return chunk;
  }

  rest(): Buffer {
    return none;
  }

  selected(): number | null {
    return this.#isKnown ? this.#selected : null;
  }
}

/** Of one byte, so that the separator is the second of each line. */
const markLabel = 'L';
const markBetweenGroups = 0x3d;

/**
 * With context, and without a name or with a NUL behind it: the program prints a name of its own, so each line begins with `L:` or `L-`, and lines between
 * groups with `=`. These marks are replaced by what was asked for.
 */
class MarkTally implements Tally {
  readonly labelling: Labelling;
  readonly #prefix: Buffer;
  readonly #between: Buffer;
  /** Bytes behind the mark that are there for the sake of the mark only. */
  readonly #skipsTab: boolean;
  #held = none;
  #selected = 0;

  constructor({ label, withName, groupSeparator }: Labelling, isTabAfterName: boolean) {
    this.labelling = { label: markLabel, withName: true, nullAfterName: false, groupSeparator: groupSeparator === null ? null : '=' };
    this.#prefix = withName ? Buffer.from(`${label}\0`) : none;
    this.#between = Buffer.from(groupSeparator ?? '');
    this.#skipsTab = isTabAfterName && !withName;
  }

  take(chunk: Buffer): Buffer {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const pieces: Buffer[] = [];
    let at = 0;
    for (let end = bytes.indexOf(lineFeed); end >= 0; end = bytes.indexOf(lineFeed, at)) {
      if (bytes[at] === markBetweenGroups) pieces.push(this.#between, bytes.subarray(at + 1, end + 1));
      else {
        if (bytes[at + 1] === colon) this.#selected++;
        pieces.push(this.#prefix, bytes.subarray(at + (this.#skipsTab ? 3 : 2), end + 1));
      }
      at = end + 1;
    }
    this.#held = bytes.subarray(at);
    return Buffer.concat(pieces);
  }

  rest(): Buffer {
    return this.#held;
  }

  selected(): number {
    return this.#selected;
  }
}
