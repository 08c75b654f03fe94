import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';

const fileBytes = 128 * 1024 * 1024;

/** A file that was written full of zeros and synced before; whoever reaches its end goes on at its beginning. */
export interface RingFile {
  write(bytes: Buffer, length: number): void;
  sync(): void;
  close(): void;
}

export function prepareLog(file: string): void {
  const descriptor = openSync(file, 'wx');
  const zeros = Buffer.alloc(4 * 1024 * 1024);
  for (let at = 0; at < fileBytes; at += zeros.length) writeSync(descriptor, zeros, 0, zeros.length, at);
  fsyncSync(descriptor);
  closeSync(descriptor);
}

export function openLog(file: string): RingFile {
  const descriptor = openSync(file, 'r+');
  let position = 0;
  return {
    write(bytes, length) {
      if (position + length > fileBytes) position = 0;
      position += writeSync(descriptor, bytes, 0, length, position);
    },
    sync: () => fdatasyncSync(descriptor),
    close: () => closeSync(descriptor),
  };
}
