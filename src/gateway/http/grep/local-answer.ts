/** The answer of this machine alone, frame by frame, as fast as it is taken. */
import type { ServerResponse } from 'node:http';
import { LogError } from '../../../eventlog/index.ts';
import type { SearchRequest } from '../../../query/index.ts';
import { aliveEveryMs } from '../../../search/ask/index.ts';
import { type AnswerEnd, type AnswerSink, bytesFrameHeader, encodeFrame, type Searcher } from '../../../search/index.ts';
import { drained } from '../drained.ts';
import { asLogError, commonHeaders } from '../error-answer.ts';

export interface LocalAnswerOptions {
  readonly machine: string;
  readonly version: string;
  readonly readerTimeoutMs: number;
}

/** Of an answer that wait to be taken: fewer would make program, server and reader take turns instead of working side by side. */
const waitingBytesMax = 512 * 1024;

export async function answerLocally(
  request: SearchRequest,
  searcher: Searcher,
  response: ServerResponse,
  { machine, version, readerTimeoutMs }: LocalAnswerOptions,
): Promise<void> {
  const controller = new AbortController();
  response.on('close', () => controller.abort());
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
  const send = (kind: 'bytes' | 'lines', payload: Uint8Array): Promise<void> | undefined => {
    isSilent = false;
    response.write(bytesFrameHeader(payload.length, kind));
    return response.write(payload) || response.writableLength < waitingBytesMax ? undefined : whenTaken();
  };
  const sink: AnswerSink = {
    begin: (value) => void response.write(encodeFrame({ kind: 'part', value })),
    bytes: (chunk) => send('bytes', chunk),
    lines: (payload) => send('lines', payload),
    end: (value) => void response.write(encodeFrame({ kind: 'partEnd', value })),
    reached: (value) => void response.write(encodeFrame({ kind: 'reached', value })),
    note: (text) => void response.write(encodeFrame({ kind: 'note', value: { text } })),
  };
  const whenTaken = async (): Promise<void> => {
    if (!(await drained(response, readerTimeoutMs))) response.destroy();
  };

  const end = await searcher(request, sink, controller.signal).then(
    (): AnswerEnd => ({ code: null, problem: null }),
    (thrown: unknown) => endOf(thrown, controller.signal),
  );
  clearInterval(alive);
  response.end(encodeFrame({ kind: 'end', value: end }));
}

function endOf(thrown: unknown, signal: AbortSignal): AnswerEnd {
  if (signal.aborted) return { code: 'interrupted', problem: 'the search was ended before it was done' };
  if (thrown instanceof LogError) return { code: thrown.code, problem: thrown.message };
  const { code, message } = asLogError(thrown);
  return { code, problem: message };
}
