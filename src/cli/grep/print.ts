/** What is printed of an answer: the bytes as they come, or for a terminal without what could command it, or a JSON object a line. */
import { Buffer } from 'node:buffer';
import { escapeBytes } from '../../base/escape.ts';
import type { SearchRequest } from '../../query/index.ts';
import { type AnswerEvent, type EventWriter, JsonLines, writeLent } from '../../search/ask/index.ts';
import { type CliIo, write } from '../io.ts';

export function printer(
  request: SearchRequest,
  { isJson, isRaw }: { readonly isJson: boolean; readonly isRaw: boolean },
  io: CliIo,
): EventWriter {
  const { stdout } = io;
  if (isJson) {
    const lines = new JsonLines(request);
    return (_machine, event) => {
      const text = lines.take(event);
      return text === '' ? undefined : write(stdout, text);
    };
  }
  if (stdout.isTTY !== true || isRaw) {
    return (_machine, event) => {
      if (event.kind !== 'bytes') return undefined;
      if (event.isLate === true) return write(stdout, Buffer.concat([lateMark, event.piece]));
      // The bytes are those of the connection; a stream that is no file of this process may keep them.
      return 'fd' in stdout ? writeLent(stdout, event.piece) : write(stdout, Buffer.from(event.piece));
    };
  }
  const shown = new Shown();
  return (_machine, event) => {
    const text = shown.take(event);
    return text === '' ? undefined : write(stdout, text);
  };
}

/** Stands before a line that comes after its place in the order of time. */
const lateMark = Buffer.from('late: ');

/** Whole lines, with what is not seen escaped, but tabs and the sequences that mark matches. */
class Shown {
  #held = Buffer.alloc(0);

  take(event: AnswerEvent): string {
    if (event.kind === 'part') return '';
    // What a file has in its last line ends with its part.
    const late = event.kind === 'bytes' && event.isLate === true ? [lateMark] : [];
    const bytes = event.kind === 'bytes' ? Buffer.concat([this.#held, ...late, event.piece]) : this.#held;
    const end = event.kind === 'bytes' ? bytes.lastIndexOf(0x0a) + 1 : bytes.length;
    this.#held = bytes.subarray(end);
    return show(bytes.subarray(0, end));
  }
}

/** Colours and "clear to the end of the line", which GNU grep writes around what it marks. */
const escape = '\u001b';
const marks = new RegExp(`${escape}\\[[0-9;]*[mK]`, 'g');

function show(bytes: Buffer): string {
  let shown = '';
  let at = 0;
  const escaped = (to: number): string => escapeBytes(bytes.subarray(at, to), (part) => decoder.decode(part), { keepNewlines: true });
  // A character a byte.
  for (const mark of bytes.toString('latin1').matchAll(marks)) {
    shown += escaped(mark.index) + mark[0];
    at = mark.index + mark[0].length;
  }
  return shown + escaped(bytes.length);
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
