import { writeSync } from 'node:fs';

const eagainPauseMs = 1;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes all bytes before it returns, so that nothing printed is lost with the process. A reader that is slow makes us wait, and through us whoever
 * sends: nothing is heaped up. A pipe may be shared with a process that has made it non-blocking.
 */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(sleeper, 0, 0, eagainPauseMs);
    }
  }
}
