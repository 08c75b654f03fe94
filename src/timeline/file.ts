import fs from 'node:fs';

/** A file that is only appended to. Every call writes whole lines by one `write`, into the page cache: a killed process has written what it wrote. */
export class TimelineFile {
  readonly path: string;
  readonly #descriptor: number;

  constructor(path: string) {
    this.path = path;
    this.#descriptor = fs.openSync(path, 'a+', 0o644);
    const { size } = fs.fstatSync(this.#descriptor);
    if (size === 0) return;
    const last = Buffer.alloc(1);
    fs.readSync(this.#descriptor, last, 0, 1, size - 1);
    // What a killed logger left unfinished must not swallow our first line.
    if (last[0] !== 0x0a) fs.writeSync(this.#descriptor, '\n');
  }

  append(text: string): void {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(this.#descriptor, bytes, at);
  }
}
