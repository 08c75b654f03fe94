/** The answer of this machine alone, frame by frame, as fast as it is taken. */
import type { ServerResponse } from 'node:http';
import { LogError } from '../../../eventlog/index.ts';
import type { SearchRequest } from '../../../query/index.ts';
import { aliveEveryMs } from '../../../search/ask/index.ts';
import {
  type AnswerEnd,
  type AnswerFrame,
  type AnswerSink,
  bytesFrameHeader,
  encodeFrame,
  type Searcher,
  type SearchTrace,
} from '../../../search/index.ts';
import { drained } from '../drained.ts';
import { asLogError, commonHeaders } from '../error-answer.ts';
import { endWithClient } from '../half-closed.ts';

export interface LocalAnswerOptions {
  readonly machine: string;
  readonly version: string;
  readonly readerTimeoutMs: number;
  readonly trace: SearchTrace | null;
}

/** Of an answer that wait to be taken: fewer would make program, server and reader take turns instead of working side by side. */
const waitingBytesMax = 512 * 1024;
/** Enough for a frame: more would only wait longer. */
const frameBytesMin = 256 * 1024;

export async function answerLocally(
  request: SearchRequest,
  searcher: Searcher,
  response: ServerResponse,
  { machine, version, readerTimeoutMs, trace }: LocalAnswerOptions,
): Promise<void> {
  const controller = new AbortController();
  response.on('close', () => controller.abort());
  endWithClient(response);
  response.setTimeout(readerTimeoutMs);
  // The connection is this search's own and the frames say where they end: in chunks all bytes would be looked at once more on both sides.
  response.removeHeader('transfer-encoding');
  const headers = { connection: 'close', 'content-type': 'application/octet-stream', 'x-accel-buffering': 'no' };
  response.writeHead(200, { ...commonHeaders, ...headers });
  response.write(encodeFrame({ kind: 'head', value: { machine, version } }));
  let isSilent = false;
  const alive = setInterval(() => {
    // Whoever has not taken what was said before hears nothing new.
    if (isSilent && !response.writableNeedDrain) response.write(encodeFrame({ kind: 'alive', value: null }));
    isSilent = true;
  }, aliveEveryMs);
  const gathered = new Gathered(response);
  const say = (frame: AnswerFrame): void => {
    gathered.flush();
    response.write(encodeFrame(frame));
  };
  const sink: AnswerSink = {
    begin: (value) => say({ kind: 'part', value }),
    bytes: (chunk) => {
      isSilent = false;
      gathered.add(chunk);
      return response.writableLength + gathered.length < waitingBytesMax ? undefined : whenTaken();
    },
    lines: (payload) => {
      isSilent = false;
      gathered.flush();
      response.write(bytesFrameHeader(payload.length, 'lines'));
      return response.write(payload) || response.writableLength < waitingBytesMax ? undefined : whenTaken();
    },
    end: (value) => say({ kind: 'partEnd', value }),
    reached: (value) => say({ kind: 'reached', value }),
    note: (text) => say({ kind: 'note', value: { text } }),
  };
  const whenTaken = async (): Promise<void> => {
    gathered.flush();
    if (!(await drained(response, readerTimeoutMs))) response.destroy();
  };

  const end = await searcher(request, sink, controller.signal, trace).then(
    (): AnswerEnd => ({ code: null, problem: null }),
    (thrown: unknown) => endOf(thrown, controller.signal),
  );
  clearInterval(alive);
  gathered.flush();
  response.end(encodeFrame({ kind: 'end', value: end }));
}

/** Chunks that come in one turn of the loop go as one frame: whoever reads them has a frame to look at for every few hundred kilobytes, not for each chunk. */
class Gathered {
  readonly #response: ServerResponse;
  #chunks: Uint8Array[] = [];
  length = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  add(chunk: Uint8Array): void {
    if (this.#chunks.length === 0) setImmediate(() => this.flush());
    this.#chunks.push(chunk);
    this.length += chunk.length;
    if (this.length >= frameBytesMin) this.flush();
  }

  flush(): void {
    const chunks = this.#chunks;
    const { length } = this;
    this.#chunks = [];
    this.length = 0;
    // Nobody takes it any more.
    if (length === 0 || this.#response.destroyed) return;
    this.#response.write(bytesFrameHeader(length));
    for (const chunk of chunks) this.#response.write(chunk, () => free(chunk));
  }
}

/** At once, if the memory is this chunk's alone: the collector lets tens of megabytes of it come together first. */
function free({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && byteLength > 0) buffer.transfer(0);
}

function endOf(thrown: unknown, signal: AbortSignal): AnswerEnd {
  if (signal.aborted) return { code: 'interrupted', problem: 'the search was ended before it was done' };
  if (thrown instanceof LogError) return { code: thrown.code, problem: thrown.message };
  const { code, message } = asLogError(thrown);
  return { code, problem: message };
}
