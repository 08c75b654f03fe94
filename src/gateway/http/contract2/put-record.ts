/**
 * `PUT /` of contract 2: the body becomes one record of the topic `log`.
 *
 * Its client takes every status for success. So there are two outcomes only: 200 once the record is committed on a majority, or a connection
 * closed without a byte; and in the second case the record must not stay, so its request id is revoked unless the failure is definite. Until the
 * revoke is committed a reader may see the record, where a majority had it in time and the client did not hear of it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type LogService, LogError } from '../../../eventlog/index.ts';
import type { Clock, Random } from '../../../host/index.ts';
import { RecordBatchBuilder } from '../../../record/index.ts';
import { toHex } from '../../../base/bytes.ts';
import { type BodyBounds, readRawBody } from '../body.ts';
import { sendJson } from '../error-answer.ts';
import { endWithClient } from '../half-closed.ts';
import type { Revoker } from './revoker.ts';

export interface PutRecordOptions extends BodyBounds {
  readonly log: LogService;
  readonly clock: Clock;
  readonly random: Random;
  readonly revoker: Revoker;
  readonly timeoutMs: number;
}

interface Put {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly deadlineMs: number;
  /** Handed to the log: from here on it may take effect. */
  isAppending: boolean;
  isOver: boolean;
}

/** A broker that still opens its logs is asked again: the client neither waits before its first PUT nor tries one twice. */
const startingAgainMs = 20;

export class PutRecord {
  readonly #options: PutRecordOptions;
  readonly #builder = new RecordBatchBuilder();
  readonly #prefix: string;
  readonly #running = new Set<Put>();
  #count = 0;

  constructor(options: PutRecordOptions) {
    this.#options = options;
    this.#prefix = `put-${toHex(options.random.bytes(12))}-`;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { clock, timeoutMs, bodies } = this.#options;
    const requestId = `${this.#prefix}${++this.#count}`;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const put: Put = { request, response, requestId, deadlineMs, isAppending: false, isOver: false };
    this.#running.add(put);
    endWithClient(response);
    const timer = clock.startTimer(timeoutMs, () => this.#abandon(put));
    response.on('close', () => {
      timer.cancel();
      // The client left before the answer: for it the PUT has failed.
      this.#abandon(put);
    });
    readRawBody(request, this.#options, (body) => {
      if (body !== null && !(body instanceof LogError)) bodies.give(body.held);
      if (put.isOver) return;
      if (body === null || body instanceof LogError) this.#abandon(put);
      else this.#append(put, body.bytes);
    });
  }

  /** The broker acts as crashed: everything under way is cut off; what may take effect is revoked once the broker has recovered. */
  abandonAll(): void {
    for (const put of this.#running) this.#abandon(put);
  }

  #append(put: Put, body: Uint8Array): void {
    if (put.isOver) return;
    const { log, clock } = this.#options;
    put.isAppending = true;
    this.#builder.add(clock.wallMs(), null, body);
    const request = {
      topic: 'log',
      batch: this.#builder.finishUnsealed(),
      level: 'quorum',
      timeoutMs: Math.max(1, Math.floor(put.deadlineMs - clock.monotonicMs())),
      requestId: put.requestId,
      sequence: 0,
      expectedOffset: null,
    } as const;
    log.append(request, (outcome) => {
      if (put.isOver) return;
      if (!outcome.ok && outcome.error.definite) put.isAppending = false;
      if (!outcome.ok && outcome.error.code === 'starting') {
        clock.startTimer(startingAgainMs, () => this.#append(put, body));
        return;
      }
      // A connection that broke a moment ago has not said so yet: nothing leaves on it.
      if (!outcome.ok || !outcome.value.committed || put.request.socket.destroyed) {
        this.#abandon(put);
        return;
      }
      put.isOver = true;
      this.#running.delete(put);
      sendJson(put.response, 200, outcome.value);
    });
  }

  #abandon(put: Put): void {
    if (put.isOver) return;
    put.isOver = true;
    this.#running.delete(put);
    put.request.socket.destroy();
    if (put.isAppending) this.#options.revoker.revoke(put.requestId);
  }
}
