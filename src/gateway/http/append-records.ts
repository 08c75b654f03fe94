/**
 * `POST /v1/topics/{topic}/records` as most programs send it: no parameters, no request id. The route with everything is `api/append-route.ts`; this one
 * gives the same answers for a fraction of the processor time, which matters because one record a request is what most clients do.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AppendResult, type BrokerService, isTopicName, LogError } from '../../eventlog/index.ts';
import type { Clock } from '../../host/index.ts';
import { DividedAppends } from '../../partitions/index.ts';
import { type BodyBounds, readBody } from './body.ts';
import { type DecodeOptions, decodeRecords } from './decode-records.ts';
import { appendTimed, type DeliveryTimes } from './delivery-times.ts';
import { commonHeaders, sendError, sendJson } from './error-answer.ts';
import { oneAnswer, partsAnswer, type PartsAnswer } from './parts-answer.ts';

export interface AppendRecordsOptions extends BodyBounds, Omit<DecodeOptions, 'topic' | 'nowMs' | 'deliveryTimes'> {
  readonly log: Pick<BrokerService, 'append' | 'nextSequence' | 'partitionsOf' | 'whenPartitionsKnown'>;
  readonly clock: Clock;
}

/** How long an append may take when the caller does not say. */
export const appendTimeoutMs = 10_000;

/** As the API document and the metrics name it. */
export const appendRoute = '/v1/topics/:topic/records';
const pathBefore = '/v1/topics/';
const pathBehind = '/records';
const typeHeader = ['content-type', 'application/json; charset=utf-8'] as const;
const fixedHeaders = [...typeHeader, ...Object.entries(commonHeaders).flat(), 'content-length'];

/** The topic of a request that this file can answer, or null. */
export function plainAppendTopic({ method, url = '', headers }: IncomingMessage): string | null {
  if (method !== 'POST' || !url.startsWith(pathBefore) || !url.endsWith(pathBehind)) return null;
  const topic = url.slice(pathBefore.length, -pathBehind.length);
  if (!isTopicName(topic)) return null;
  const hasMore =
    headers['cairn-request-id'] !== undefined ||
    headers['cairn-sequence'] !== undefined ||
    headers['cairn-hops'] !== undefined ||
    headers['cairn-deliver-at'] !== undefined ||
    headers['content-encoding'] !== undefined;
  return hasMore ? null : topic;
}

export class AppendRecords {
  readonly #options: AppendRecordsOptions;
  readonly #appends: DividedAppends;
  /** Told of every answer, for the metrics. */
  onAnswered: ((status: number, seconds: number) => void) | null = null;

  constructor(options: AppendRecordsOptions) {
    this.#options = options;
    const { log, bytes } = options;
    this.#appends = new DividedAppends({
      log,
      bytes,
      partitionsOf: (topic) => log.partitionsOf(topic),
      whenPartitionsKnown: (topic, timeoutMs, answer) => log.whenPartitionsKnown(topic, timeoutMs, answer),
    });
  }

  handle(request: IncomingMessage, response: ServerResponse, topic: string): void {
    const options = this.#options;
    const { clock, limits, bytes, turns, large } = options;
    const startedMs = clock.monotonicMs();
    const refuse = (error: LogError): void => {
      sendError(response, error);
      this.onAnswered?.(response.statusCode, (clock.monotonicMs() - startedMs) / 1000);
    };
    readBody(request, options, (body) => {
      // The client went away.
      if (body === null) return;
      if (body instanceof LogError) return refuse(body);
      const deliveryTimes: DeliveryTimes = new Map();
      const decoding = { topic, nowMs: clock.wallMs(), limits, bytes, turns, large, deliveryTimes };
      decodeRecords(request.headers['content-type'], body.bytes, decoding, (decoded) => {
        options.bodies.give(body.held);
        if (!decoded.ok) return refuse(decoded.error);
        const common = { level: 'quorum', timeoutMs: appendTimeoutMs, requestId: null, sequence: 0, expectedOffset: null } as const;
        appendTimed(this.#appends, { topic, batch: decoded.value, ...common }, deliveryTimes, (divided) => {
          if (response.destroyed) return;
          if (divided.kind === 'several') sendParts(response, partsAnswer(topic, divided));
          else if (!divided.outcome.ok) return refuse(divided.outcome.error);
          else if (divided.count === 1 && divided.outcome.value.scheduled === undefined) sendResult(response, divided.outcome.value);
          else sendJson(response, 200, oneAnswer(divided.outcome.value, divided.count));
          this.onAnswered?.(response.statusCode, (clock.monotonicMs() - startedMs) / 1000);
        });
      });
    });
  }
}

function sendResult(response: ServerResponse, result: AppendResult): void {
  const text = JSON.stringify(result);
  // A topic's name is ASCII, and so is all the rest.
  response.writeHead(200, [...fixedHeaders, String(text.length)]);
  response.end(text, 'latin1');
}

const sendParts = (response: ServerResponse, { status, body }: PartsAnswer): void => sendJson(response, status, body);
