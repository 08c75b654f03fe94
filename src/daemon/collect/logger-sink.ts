import type { LineSink, LineSource, Printer } from '../../gateway/lines/index.ts';
import type { TimelineRecorder } from '../../timeline/recorder.ts';

/** Reading the clock costs as much as a short line: it is read for every read, and again after so many lines of it. */
const linesPerClock = 64;

/** What a logger does with a line: print it, and count it with its delay. */
export class LoggerSink implements LineSink {
  readonly #printer: Printer;
  readonly #recorder: TimelineRecorder | null;
  readonly #nowS: () => number;
  #atS = 0;
  #lines = 0;

  constructor(printer: Printer, recorder: TimelineRecorder | null, nowS: () => number) {
    this.#printer = printer;
    this.#recorder = recorder;
    this.#nowS = nowS;
  }

  accepted(atS: number): void {
    this.#recorder?.accepted(atS);
  }

  received(byteCount: number): void {
    this.#atS = this.#nowS();
    this.#lines = 0;
    this.#recorder?.received(byteCount);
  }

  connected(source: LineSource): void {
    this.#printer.connected(source);
    this.#recorder?.connected(source.nameText, source.address);
  }

  receivedFrom({ id, nameText, address }: LineSource, byteCount: number): void {
    this.#recorder?.receivedFrom(id, nameText, address, byteCount);
  }

  event(source: LineSource, bytes: Uint8Array, from: number, to: number, seconds: number, timeTo: number): void {
    if (++this.#lines % linesPerClock === 0) this.#atS = this.#nowS();
    this.#recorder?.event(source.id, source.nameText, source.address, seconds, this.#atS);
    this.#printer.event(source, bytes, from, to, timeTo);
  }

  flush(): void {
    this.#printer.flush();
  }

  disconnected(source: LineSource, atS: number): void {
    this.#printer.disconnected(source, atS);
    this.#recorder?.disconnected(source.nameText, source.address);
  }
}
