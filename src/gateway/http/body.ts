import type { IncomingMessage, ServerResponse } from 'node:http';
import { LogError } from '../../eventlog/index.ts';
import { frameHeaderBytes, leaveRoom } from '../../record/index.ts';
import { type BodiesInFlight, uncountedBytes } from './bodies.ts';
import { encodingOf, uncompress } from './content-encoding.ts';
import { GatheredBody } from './gathered-body.ts';

export interface BodyBounds {
  /** Of one body, as it is once it is uncompressed. */
  readonly bytesMax: number;
  readonly bodies: BodiesInFlight;
}

/** A request's body. `held` bytes of `bodies` are given back by whoever takes it, once he has no more use for it. */
export interface Body {
  readonly bytes: Uint8Array;
  readonly held: number;
}

/** Clients that wait to be asked for the body of a request. */
const expecting = new WeakMap<IncomingMessage, { readonly response: ServerResponse; readonly keepsAlive: boolean }>();

/** The client wants to hear of a refusal before it sends the body (`Expect: 100-continue`): it is asked to go on by who reads it, and by nobody else. */
export function expectContinue(request: IncomingMessage, response: ServerResponse): void {
  expecting.set(request, { response, keepsAlive: response.shouldKeepAlive });
  // Where it is not asked, whether it sends the body all the same is up to it, and what comes next cannot be told from one.
  response.shouldKeepAlive = false;
}

/**
 * Reads a request body of at most `bytesMax`, and uncompresses it. A larger one is refused as soon as that is known; what the client still sends is read
 * and dropped, so that it gets the answer instead of a broken connection. Gives null when the client went away.
 */
export function readBody(request: IncomingMessage, bounds: BodyBounds, done: (body: Body | LogError | null) => void): void {
  const encoding = encodingOf(request.headers['content-encoding']);
  if (encoding === null) readRawBody(request, bounds, done);
  else if (encoding instanceof LogError) done(encoding);
  else {
    readRawBody(request, bounds, (body) => {
      if (body === null || body instanceof LogError) done(body);
      else uncompress(body.bytes, encoding, bounds.bytesMax, (result) => done(uncompressed(body, result, bounds)));
    });
  }
}

function uncompressed({ held: heldBefore }: Body, result: Uint8Array | LogError | null, { bytesMax, bodies }: BodyBounds): Body | LogError {
  bodies.give(heldBefore);
  if (result === null) return tooLarge(bytesMax);
  if (result instanceof LogError) return result;
  const held = Math.max(0, result.length - uncountedBytes);
  return bodies.take(held) ? { bytes: result, held } : overloaded();
}

/** The same of any bytes, whatever encoding is said: they are kept as they came. */
export function readRawBody(
  request: IncomingMessage,
  { bytesMax, bodies }: BodyBounds,
  done: (body: Body | LogError | null) => void,
): void {
  const announced = contentLength(request);
  if (announced !== null && announced > bytesMax) {
    done(tooLarge(bytesMax));
    return;
  }
  if (request.headers.expect !== undefined) askOn(request);
  let first: Buffer | null = null;
  let gathered: GatheredBody | null = null;
  let length = 0;
  let isDone = false;
  const finish = (result: Body | LogError | null): void => {
    if (isDone) return;
    isDone = true;
    if (gathered !== null && (result === null || result instanceof LogError)) bodies.give(gathered.held);
    first = null;
    gathered = null;
    done(result);
  };
  request.on('data', (chunk: Buffer) => {
    if (isDone) return;
    length += chunk.length;
    if (length > bytesMax) {
      finish(tooLarge(bytesMax));
      return;
    }
    // Most bodies come in one piece, and are taken as they are.
    if (first === null && gathered === null && (announced === null || length === announced)) {
      first = chunk;
      return;
    }
    gathered ??= new GatheredBody(announced ?? bytesMax, bodies);
    const isTaken = (first === null || gathered.add(first)) && gathered.add(chunk);
    first = null;
    if (!isTaken) finish(overloaded());
  });
  request.on('end', () => {
    if (gathered !== null) finish({ bytes: gathered.bytes(), held: gathered.held });
    // A plain array of bytes: the `slice` of a Buffer does not copy, and pure code would trust that it does.
    else if (first !== null) finish({ bytes: new Uint8Array(first.buffer, first.byteOffset, first.byteLength), held: 0 });
    else finish({ bytes: leaveRoom(new Uint8Array(frameHeaderBytes)), held: 0 });
  });
  request.on('error', () => finish(null));
  request.on('close', () => finish(null));
}

/** For routes that have no use for the bytes once they have looked at them. */
export function bodyOf(request: IncomingMessage, bounds: BodyBounds): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    readBody(request, bounds, (body) => {
      if (body === null) reject(new LogError('connectionLost', 'Cannot read the request: the client went away'));
      else if (body instanceof LogError) reject(body);
      else {
        bounds.bodies.give(body.held);
        resolve(body.bytes);
      }
    });
  });
}

function contentLength(request: IncomingMessage): number | null {
  const header = request.headers['content-length'];
  return header === undefined ? null : Number(header);
}

function askOn(request: IncomingMessage): void {
  const expected = expecting.get(request);
  if (expected === undefined) return;
  expected.response.shouldKeepAlive = expected.keepsAlive;
  expected.response.writeContinue();
}

function tooLarge(bytesMax: number): LogError {
  return new LogError('recordTooLarge', `Cannot take the request: its body has more than ${bytesMax} bytes`, { limit: bytesMax });
}

const overloaded = (): LogError =>
  new LogError('overloaded', 'Cannot take the request: the bodies of requests under way have as many bytes as the limit allows');
