/** Bodies that come compressed. */
import { LogError } from '../../eventlog/index.ts';

const contentEncodings = 'gzip, zstd';
export type ContentEncoding = 'gzip' | 'zstd';

/** A frame of zstd may ask for a window of any size: more memory than the largest body has would serve nobody. */
const windowLog = 23;
/** The others wait: each holds its window, and as much as a body may have. */
const atOnce = 2;
const waiting: (() => void)[] = [];
let running = 0;

/** The encoding that a header names, null where there is none, or why it is not taken. */
export function encodingOf(contentEncoding: string | undefined): ContentEncoding | LogError | null {
  if (contentEncoding === undefined) return null;
  const name = contentEncoding.trim().toLowerCase();
  if (name === '' || name === 'identity') return null;
  if (name === 'gzip' || name === 'x-gzip') return 'gzip';
  if (name === 'zstd') return 'zstd';
  const reason = `Content-Encoding is ${JSON.stringify(name.slice(0, 100))}, it must be one of ${contentEncodings}, identity`;
  return new LogError('unsupportedMediaType', `Cannot take the request: ${reason}`);
}

/** What a compressed body is; null where it is more than `bytesMax`, which is not found out by making all of it. Not on the thread of the loop. */
export function uncompress(
  body: Uint8Array,
  encoding: ContentEncoding,
  bytesMax: number,
  done: (result: Uint8Array | LogError | null) => void,
): void {
  if (running === atOnce) {
    waiting.push(() => uncompress(body, encoding, bytesMax, done));
    return;
  }
  running++;
  const take = (error: Error | null, plain: Uint8Array): void => {
    running--;
    waiting.shift()?.();
    if (error === null) done(new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength));
    else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') done(null);
    else done(new LogError('invalidRequest', `Cannot take the request: its body is not ${encoding}, as Content-Encoding says`));
  };
  // Most brokers are never asked for it.
  const { constants, gunzip, zstdDecompress } = process.getBuiltinModule('node:zlib');
  if (encoding === 'gzip') gunzip(body, { maxOutputLength: bytesMax }, take);
  else zstdDecompress(body, { maxOutputLength: bytesMax, params: { [constants.ZSTD_d_windowLogMax]: windowLog } }, take);
}
