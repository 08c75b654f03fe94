import type { IncomingMessage } from 'node:http';
import { LogError } from '../../eventlog/index.ts';
import { frameHeaderBytes, leaveRoom } from '../../record/index.ts';

/**
 * Reads a request body of at most `bytesMax`. A larger one is refused as soon as that is known; what the client still sends is read and
 * dropped, so that it gets the answer instead of a broken connection. Gives null when the client went away.
 */
export function readBody(request: IncomingMessage, bytesMax: number, done: (body: Uint8Array | LogError | null) => void): void {
  const announced = contentLength(request);
  if (announced !== null && announced > bytesMax) {
    done(tooLarge(bytesMax));
    return;
  }
  let chunks: Buffer[] = [];
  let length = 0;
  let isDone = false;
  const finish = (result: Uint8Array | LogError | null): void => {
    if (isDone) return;
    isDone = true;
    chunks = [];
    done(result);
  };
  request.on('data', (chunk: Buffer) => {
    if (isDone) return;
    length += chunk.length;
    if (length > bytesMax) finish(tooLarge(bytesMax));
    else chunks.push(chunk);
  });
  request.on('end', () => {
    const [first] = chunks;
    // A plain array of bytes: the `slice` of a Buffer does not copy, and pure code would trust that it does.
    if (chunks.length === 1 && first !== undefined) finish(new Uint8Array(first.buffer, first.byteOffset, first.byteLength));
    else finish(joined(chunks, length));
  });
  request.on('error', () => finish(null));
  request.on('close', () => finish(null));
}

/** In one piece of memory, with room in front: the body may be a batch. */
function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const body = leaveRoom(new Uint8Array(Buffer.allocUnsafeSlow(frameHeaderBytes + length).buffer));
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

export function bodyOf(request: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    readBody(request, bytesMax, (body) => {
      if (body === null) reject(new LogError('connectionLost', 'Cannot read the request: the client went away'));
      else if (body instanceof LogError) reject(body);
      else resolve(body);
    });
  });
}

function contentLength(request: IncomingMessage): number | null {
  const header = request.headers['content-length'];
  return header === undefined ? null : Number(header);
}

function tooLarge(bytesMax: number): LogError {
  return new LogError('recordTooLarge', `Cannot take the request: its body has more than ${bytesMax} bytes`, { limit: bytesMax });
}
