/**
 * The lines of `strace -f -ttt -T -yy -xx`: which thread made which call on which file or socket, with which bytes, and when it began and ended. A
 * call that other threads' calls ran into stands on two lines, "unfinished" and "resumed".
 */

export interface SystemCall {
  readonly name: string;
  /** Path of the file, or `TCP:[from->to]`. */
  readonly target: string;
  /** What was written, in one piece; empty for other calls. */
  readonly data: Buffer;
  /** For positioned writes. */
  readonly position: number;
  /** Seconds since 1970, by the tracer's clock. */
  readonly beganAt: number;
}

export type TraceEvent =
  | { readonly type: 'began'; readonly call: SystemCall }
  | { readonly type: 'ended'; readonly call: SystemCall; readonly result: number; readonly at: number };

const LINE = /^(?:(\d+)\s+)?(\d+\.\d+) (.*)$/s;
const RESUMED = /^<\.\.\. (\w+) resumed>/;
const RESULT = /\) += (-?\d+|\?)[^"]*?(?:<(\d+\.\d+)>)?$/;
const CALL = /^(\w+)\(\d+<((?:->|[^>"])*)>/;
const STRING = /"((?:\\x[0-9a-f]{2})*)"/g;
const UNFINISHED = ' <unfinished ...>';

/** Fed the lines of one process in order, gives what began and ended. */
export class TraceReader {
  readonly #pending = new Map<string, SystemCall>();

  read(line: string): readonly TraceEvent[] {
    const [, thread = '', time = '', rest = ''] = LINE.exec(line) ?? [];
    const at = Number(time);
    if (RESUMED.test(rest)) {
      const call = this.#pending.get(thread);
      const [, result = '?'] = RESULT.exec(rest) ?? [];
      this.#pending.delete(thread);
      return call === undefined || result === '?' ? [] : [{ type: 'ended', call, result: Number(result), at }];
    }
    const [, name, target = ''] = CALL.exec(rest) ?? [];
    if (name === undefined) return [];
    const isUnfinished = rest.endsWith(UNFINISHED);
    const args = isUnfinished ? rest.slice(0, -UNFINISHED.length) : rest;
    const call = { name, target: decode(target), data: dataOf(args), position: positionOf(name, args), beganAt: at };
    const began = { type: 'began', call } as const;
    if (isUnfinished) {
      this.#pending.set(thread, call);
      return [began];
    }
    const [, result = '?', tookS = '0'] = RESULT.exec(rest) ?? [];
    return result === '?' ? [began] : [began, { type: 'ended', call, result: Number(result), at: at + Number(tookS) }];
  }
}

const decode = (text: string): string =>
  text.replaceAll(/(?:\\x[0-9a-f]{2})+/g, (hex) => Buffer.from(hex.replaceAll('\\x', ''), 'hex').toString());

function dataOf(args: string): Buffer {
  const parts = Array.from(args.matchAll(STRING), ([, hex = '']) => Buffer.from(hex.replaceAll('\\x', ''), 'hex'));
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

function positionOf(name: string, args: string): number {
  if (!name.startsWith('pwrite')) return 0;
  const [, position = '0'] = /, (\d+)(?:\) += .*)?$/.exec(args) ?? [];
  return Number(position);
}
