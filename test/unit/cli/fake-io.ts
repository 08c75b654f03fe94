import { PassThrough, Writable } from 'node:stream';
import type { CliIo, Output } from '../../../src/cli/io.ts';

export interface FakeIo {
  readonly io: CliIo;
  readonly stdin: PassThrough;
  /** What was written so far. */
  readonly out: () => string;
  readonly err: () => string;
  readonly interrupt: () => void;
}

/** A command's outside in memory. */
export function fakeIo(options: { readonly env?: Record<string, string>; readonly terminal?: boolean } = {}): FakeIo {
  const stdin = new PassThrough();
  const out = collector(options.terminal === true);
  const err = collector(options.terminal === true);
  const controller = new AbortController();
  return {
    io: {
      stdin,
      stdout: out.stream,
      stderr: err.stream,
      env: options.env ?? {},
      interrupt: () => controller.signal,
      becomeService: () => undefined,
    },
    stdin,
    out: out.text,
    err: err.text,
    interrupt: () => controller.abort(),
  };
}

function collector(terminal: boolean): { readonly stream: Output; readonly text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream: Object.assign(stream, terminal ? { isTTY: true, columns: 80 } : {}), text: () => Buffer.concat(chunks).toString() };
}
