import type { Writable } from 'node:stream';

/**
 * Writes bytes that somebody will use again: they are the system's when it returns, or when the promise is kept. For pipes, sockets and files of this process;
 * another stream may keep what it was given.
 */
export function writeLent(output: Writable, bytes: Uint8Array): Promise<void> | undefined {
  let isWritten = false;
  let tell = (): void => undefined;
  output.write(bytes, () => {
    isWritten = true;
    tell();
  });
  if (output.writableLength === 0) return undefined;
  return new Promise((resolve) => {
    if (isWritten) resolve();
    else tell = resolve;
  });
}
