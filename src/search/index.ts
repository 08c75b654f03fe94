/**
 * Searching: `files/` and whatever else of this machine is searched, each a `Searcher` that gives an answer to a sink (`answer.ts`); `frames.ts` is the
 * answer on its way; `ask/` asks many machines. What a request means stands in `query/`.
 */
export type { AnswerEnd, AnswerSink, Searcher, Searchers, SearchTrace } from './answer.ts';
export { decodeRequest } from './decode-request.ts';
export { type AnswerFrame, bytesFrameHeader, encodeFrame } from './frames.ts';
export { OneATurn } from './one-a-turn.ts';
