import { systemBytes } from '../../system/bytes.ts';
import { FrameReader, wireFrameBytesMax, type WireFrame } from '../../wire/index.ts';
import type { TraceEvent } from './system-calls.ts';

/** An answer to a client that acknowledges an append. */
export interface SentAnswer {
  readonly topic: string;
  readonly offset: number;
  readonly count: number;
  readonly level: string;
  readonly ackedBy: readonly number[];
}

export interface SentHandlers {
  /** A frame to a peer, when the first call that carries some of it begins. */
  frame(toPort: number, frame: WireFrame, at: number): void;
  answer(answer: SentAnswer, at: number): void;
}

interface Stream {
  kind: 'unknown' | 'peer' | 'client' | 'other';
  head: Buffer;
  readonly frames: FrameReader;
}

const SOCKET = /^TCP(?:v6)?:\[.*->.*:(\d+)\]$/;

/**
 * What a broker sends, put together from the writes to its sockets. A connection that it dialled begins with the request for an upgrade and then
 * carries frames; one that a client dialled carries answers of HTTP.
 */
export class SentStreams {
  readonly #handlers: SentHandlers;
  readonly #streams = new Map<string, Stream>();

  constructor(handlers: SentHandlers) {
    this.#handlers = handlers;
  }

  /** A write counts from its beginning: from then on the kernel may send it. What the result says was not taken comes again in a later one. */
  take(event: TraceEvent): void {
    if (event.type !== 'ended' || event.result <= 0 || !event.call.name.startsWith('write')) return;
    const [, port] = SOCKET.exec(event.call.target) ?? [];
    if (port === undefined) return;
    const stream = this.#streams.get(event.call.target) ?? {
      kind: 'unknown',
      head: Buffer.alloc(0),
      frames: new FrameReader(systemBytes, wireFrameBytesMax),
    };
    this.#streams.set(event.call.target, stream);
    this.#push(stream, Number(port), event.call.data.subarray(0, event.result), event.call.beganAt);
  }

  #push(stream: Stream, port: number, data: Buffer, at: number): void {
    if (stream.kind === 'peer') return stream.frames.push(new Uint8Array(data), (frame) => this.#handlers.frame(port, frame, at));
    if (stream.kind === 'other') return;
    stream.head = stream.head.length === 0 ? data : Buffer.concat([stream.head, data]);
    if (stream.kind === 'unknown') {
      const end = stream.head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = stream.head.toString('latin1', 0, end);
      stream.kind = head.startsWith('GET ')
        ? 'peer'
        : head.startsWith('HTTP/1.1 101')
          ? 'other'
          : head.startsWith('HTTP/1.1 ')
            ? 'client'
            : 'other';
      if (stream.kind === 'peer') this.#push(stream, port, stream.head.subarray(end + 4), at);
      if (stream.kind !== 'client') return;
    }
    this.#answers(stream, at);
  }

  #answers(stream: Stream, at: number): void {
    for (;;) {
      const end = stream.head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const [, length] = /^content-length: *(\d+)/im.exec(stream.head.toString('latin1', 0, end)) ?? [];
      if (length === undefined) {
        // In chunks: no answer to an append is.
        stream.kind = 'other';
        return;
      }
      const bodyFrom = end + 4;
      const bodyTo = bodyFrom + Number(length);
      if (stream.head.length < bodyTo) return;
      const body = stream.head.toString('utf8', bodyFrom, bodyTo);
      stream.head = stream.head.subarray(bodyTo);
      if (body.startsWith('{') && body.includes('"ackedBy"')) this.#handlers.answer(JSON.parse(body) as SentAnswer, at);
    }
  }
}
