/**
 * What is said between a process that wants programs and the one that starts them. Every connection begins with a line of JSON, the greeting; behind the one of
 * kind `run` come lines of JSON the other way. Over the others go the bytes of the program alone: they are its standard output, and its standard input.
 *
 *     asker                              starter
 *     run {order}      ────────────────>
 *     output           ────────────────>
 *     input            ────────────────>          where the program reads a stream
 *                      <────────────────  started {bytes}, or ended {problem}
 *                      <────────────────  ended {status, by, said}
 *
 * The end of what the asker sends over `run` is the end of the program.
 */
import type { ExposedFile } from '../files/exposure.ts';

export interface ProgramOrder {
  /** An absolute path, or a name that is looked for in the `PATH` of `env`. */
  readonly program: string;
  readonly arguments: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  /** A file of a list, opened and looked at by the starter; or a stream. */
  readonly input: ExposedFile | 'stream';
}

export type Greeting = { readonly token: string; readonly id: string } & (
  | { readonly kind: 'run'; readonly order: ProgramOrder }
  | { readonly kind: 'output' | 'input' }
);

export type Told =
  /** `bytes` that the file has; 0 of a stream. */
  | { readonly kind: 'started'; readonly bytes: number }
  | {
      readonly kind: 'ended';
      readonly status: number | null;
      /** The signal that ended it. */
      readonly by: string | null;
      /** The beginning of what it said on standard error. */
      readonly said: string;
      /** Why it did not run, as the end of a sentence. */
      readonly problem: string | null;
    };

/** What the starter is told on its standard input; its end is the end of the starter. */
export interface StarterOrder {
  readonly address: string;
  readonly token: string;
  /** That it makes, and removes at its end. */
  readonly folder: string;
  /** How such folders are called, before the process id of who wants programs. */
  readonly folderPrefix: string;
}

/** What the starter says on its standard output as soon as it can be reached. */
export interface StarterReady {
  readonly hasFolder: boolean;
}

/** Of a greeting: patterns that are longer stand in files. */
const lineLengthMax = 1024 * 1024;

export const lineOf = (value: Greeting | Told | StarterOrder | StarterReady): string => `${JSON.stringify(value)}\n`;

interface LineSource {
  on(event: 'data', listener: (bytes: Uint8Array) => void): unknown;
  off(event: 'data', listener: (bytes: Uint8Array) => void): unknown;
  destroy(): unknown;
}

/** Lines as they come; nothing more is given once it says false, and a connection that sends a line without an end is closed. */
export function readLines(socket: LineSource, take: (line: string) => boolean): void {
  let held = '';
  const read = (text: string): void => {
    held += text;
    for (let end = held.indexOf('\n'); end >= 0; end = held.indexOf('\n')) {
      const line = held.slice(0, end);
      held = held.slice(end + 1);
      if (!take(line)) {
        socket.off('data', onData);
        return;
      }
    }
    if (held.length > lineLengthMax) socket.destroy();
  };
  const decoder = new TextDecoder();
  const onData = (bytes: Uint8Array): void => read(decoder.decode(bytes, { stream: true }));
  socket.on('data', onData);
}
