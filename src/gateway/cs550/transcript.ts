import { escapeControls } from '../../base/escape.ts';

/** Longer ones are cut: a request may have a megabyte. */
export const shownLengthMax = 2000;

/**
 * What a peer tells of its work, a line each, as the seed's program did: `[Node 100] [2024-12-03T02:15:23.331] Response to client: ...`. What clients sent is
 * escaped: it must not move a terminal's cursor.
 */
export class Transcript {
  readonly #label: string;
  readonly #write: (line: string) => void;
  readonly #now: () => Date;

  /** @param write takes a line with its line feed */
  constructor(label: string, write: (line: string) => void, now: () => Date) {
    this.#label = label;
    this.#write = write;
    this.#now = now;
  }

  say(text: string): void {
    this.#write(`[Node ${this.#label}] [${isoOf(this.#now())}] ${text}\n`);
  }

  received(request: Uint8Array): void {
    // Four bytes are the most that a character takes.
    const text = Buffer.from(request.buffer, request.byteOffset, Math.min(request.length, 4 * shownLengthMax)).toString('utf8');
    const cutBytes = request.length - Buffer.byteLength(text.slice(0, shownLengthMax));
    this.say(`Received message from client: ${shown(text)}${cutBytes > 0 ? ` and ${cutBytes} more bytes` : ''}`);
  }

  /** @param length of the whole answer, of which `text` is the beginning */
  answered(text: string, length = text.length): void {
    const cut = length - Math.min(text.length, shownLengthMax);
    this.say(`Response to client: ${shown(text)}${cut > 0 ? ` and ${cut} more characters` : ''}`);
  }
}

const shown = (text: string): string => escapeControls(text.slice(0, shownLengthMax), { keepTabs: false });

/** Local time with microseconds and no zone, as Python's `datetime.now().isoformat()`. */
function isoOf(date: Date): string {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return `${local.toISOString().slice(0, -1)}000`;
}
