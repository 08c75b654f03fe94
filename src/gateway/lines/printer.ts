import { WordCopy } from '../../base/word-copy.ts';
import type { LineSource } from './line-sink.ts';

const space = 0x20;
const newline = 0x0a;
const slabBytes = 256 * 1024;

/**
 * What a logger says on its standard output (contract 1): `<ts> - <name> connected`, `<event ts> <name> <event>`, `<ts> - <name> disconnected`. Lines are
 * put together in one buffer; `flush` writes them before anything else happens, for whoever kills the logger still expects them.
 */
export class Printer {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #nowS: () => number;
  #slab = Buffer.allocUnsafeSlow(slabBytes);
  #copier = new WordCopy(this.#slab);
  #end = 0;

  /** `write` has written everything when it returns. */
  constructor(write: (bytes: Uint8Array) => void, nowS: () => number) {
    this.#write = write;
    this.#nowS = nowS;
  }

  connected(source: LineSource): void {
    this.#status(source.acceptedS, source, ' connected\n');
  }

  disconnected(source: LineSource, atS: number): void {
    this.#status(atS, source, ' disconnected\n');
  }

  event(source: LineSource, bytes: Uint8Array, from: number, to: number, timeTo: number): void {
    const { name } = source;
    this.#reserve(to - from + name.length + 32);
    if (timeTo === from) {
      this.#text(formatSeconds(this.#nowS()));
      this.#byte(space);
      this.#copy(name, 0, name.length);
      this.#byte(space);
      this.#copy(bytes, from, to);
    } else {
      this.#copy(bytes, from, timeTo);
      this.#byte(space);
      this.#copy(name, 0, name.length);
      // The rest begins with the space behind the timestamp, if there is a rest.
      if (timeTo === to) this.#byte(space);
      else this.#copy(bytes, timeTo, to);
    }
    this.#byte(newline);
  }

  flush(): void {
    if (this.#end === 0) return;
    this.#write(this.#slab.subarray(0, this.#end));
    this.#end = 0;
  }

  #status(atS: number, { name }: LineSource, word: string): void {
    this.#reserve(name.length + 64);
    this.#text(`${formatSeconds(atS)} - `);
    this.#copy(name, 0, name.length);
    this.#text(word);
    this.flush();
  }

  #reserve(bytes: number): void {
    if (this.#slab.length - this.#end >= bytes) return;
    this.flush();
    if (this.#slab.length >= bytes) return;
    this.#slab = Buffer.allocUnsafeSlow(bytes * 2);
    this.#copier = new WordCopy(this.#slab);
  }

  #byte(byte: number): void {
    this.#slab[this.#end++] = byte;
  }

  #text(text: string): void {
    this.#end += this.#slab.write(text, this.#end, 'latin1');
  }

  #copy(source: Uint8Array, from: number, to: number): void {
    this.#end = this.#copier.copy(source, from, to, this.#end);
  }
}

/** With 6 decimals, as a clock of microseconds shows it. */
const formatSeconds = (seconds: number): string => seconds.toFixed(6);
