import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { TraceContext } from '../../base/trace-context.ts';
import type { AgedSample, BrokerStatus, Outcome, PartitionStatus } from '../../eventlog/index.ts';
import { defaultBatchLimits, producerIdOf, validateBatch } from '../../record/index.ts';
import * as wire from '../../wire/index.ts';
import type { Barriers } from './barriers.ts';
import type { Core } from '../core.ts';
import { passedOnBytesMax, passedOnWaitMs } from './elsewhere.ts';
import type { Reads } from './reads.ts';
import type { Relays } from './relays.ts';
import type { AppendOutcome, Replica } from '../replica/index.ts';

const confirmMs = 1000;

/** Who asked: by a link of its own, or by way of others. */
export interface Asker {
  readonly broker: BrokerId;
  /** How it came by way of others; null where it did not. */
  readonly hops: wire.HopList | null;
  /** What is done for him is part of this; null where it is not traced. */
  readonly trace: TraceContext | null;
}

interface ToldHistory {
  readonly history: readonly AgedSample[];
}

export interface PeerServiceOptions {
  /** `asked` says which topics, nothing leaves that to this broker; or it asks for what this broker did lately, in place of how it is now. */
  status(asked: Uint8Array): BrokerStatus | ToldHistory;
  /** Of a group that has a replica here. */
  statusOf(group: number): PartitionStatus | null;
  /** Whether the office is to be handed to this peer, whose home the group is. */
  mayHandOver(replica: Replica, to: BrokerId): boolean;
  /** What is asked of publishers and subscribers, or of what is appended later, that a group here keeps; `answer` gets the JSON text of the answer, and the batches that it gives. */
  keeping(group: GroupId, json: Uint8Array, answer: (json: string, batches: readonly Uint8Array[]) => void): void;
  /** As people call it. */
  nameOf(group: GroupId): string | null;
}

/** The answering side of what brokers ask one another. Answers leave by the link that this broker dialled; without one they are lost, as any message may be. */
export class PeerService {
  readonly #core: Core;
  readonly #barriers: Barriers;
  readonly #reads: Reads;
  readonly #relays: Relays;
  readonly #options: PeerServiceOptions;

  constructor(core: Core, barriers: Barriers, reads: Reads, relays: Relays, options: PeerServiceOptions) {
    this.#core = core;
    this.#barriers = barriers;
    this.#reads = reads;
    this.#relays = relays;
    this.#options = options;
  }

  receive(asker: Asker, group: GroupId, request: wire.PeerRequest): void {
    const { correlation } = request;
    switch (request.type) {
      case 'append':
        return this.#append(asker, group, request);
      case 'revoke':
        return this.#revoke(asker, group, request);
      case 'readIndex':
        return this.#barriers.confirm(group, this.#core.nowMs() + confirmMs, (highWatermark) => {
          if (highWatermark === null) this.#refuse(asker, group, correlation);
          else this.#send(asker, group, { type: 'number', correlation, value: highWatermark });
        });
      case 'nextSequence':
        return this.nextSequence(group, request.requestId, (value) => {
          if (value === null) this.#refuse(asker, group, correlation);
          else this.#send(asker, group, { type: 'number', correlation, value });
        });
      case 'status':
        return this.#send(asker, group, { type: 'status', correlation, json: JSON.stringify(this.#options.status(request.topics)) });
      case 'read':
        return this.#read(asker, group, request);
      case 'end':
        return this.#end(asker, group, request);
      case 'claim':
        return this.#claim(asker, group, correlation);
      case 'subscribers':
        return this.#options.keeping(group, request.json, (json, batches) =>
          this.#sendBulk(asker, group, { type: 'subscribers', correlation, json, batches }),
        );
      case 'partitions': {
        const json = JSON.stringify(request.groups.flatMap((each) => this.#options.statusOf(each) ?? []));
        return this.#sendBulk(asker, group, { type: 'status', correlation, json });
      }
    }
  }

  /**
   * As leader: what the request id would append next, once everything that the log held is committed, so that what was counted cannot be lost. Null when
   * this broker does not lead.
   */
  nextSequence(group: GroupId, requestId: Uint8Array, done: (value: number | null) => void): void {
    this.#barriers.confirm(group, this.#core.nowMs() + confirmMs, (highWatermark) => {
      const replica = this.#core.replica(group);
      if (highWatermark === null || replica === undefined || !replica.sync()) return done(null);
      const value = replica.tail.producers.nextSequence(producerIdOf(requestId));
      replica.appends.whenCommitted(this.#core.nowMs() + confirmMs, (isCommitted) => done(isCommitted ? value : null));
    });
  }

  #append(asker: Asker, group: GroupId, request: wire.PeerRequest & { readonly type: 'append' }): void {
    const replica = this.#core.replica(group);
    if (replica === undefined) return this.#refuse(asker, group, request.correlation);
    const { batch, level, expectedOffset, triedForMs, deliverAtMs, correlation } = request;
    // Its own broker has validated it; what enters the log is looked at again, because whatever stands there is there for good.
    const limits = { ...defaultBatchLimits, batchBytesMax: this.#core.settings.batchBytesMax };
    const valid = validateBatch(batch, limits, this.#core.host.bytes);
    if (!valid.ok) {
      const message = `the forwarded batch is malformed: ${valid.error.reason}`;
      return this.#send(asker, group, { type: 'error', correlation, code: 'corruptBatch', message, details: {} });
    }
    const deadlineMs = this.#core.nowMs() + request.remainingMs;
    replica.appends.submit({
      batch,
      level,
      expectedOffset,
      triedForMs,
      deliverAtMs,
      deadlineMs,
      trace: asker.trace,
      answer: (outcome) => this.#answer(asker, group, correlation, outcome),
    });
  }

  #revoke(asker: Asker, group: GroupId, request: wire.PeerRequest & { readonly type: 'revoke' }): void {
    const replica = this.#core.replica(group);
    const { correlation, requestId } = request;
    if (replica === undefined) return this.#refuse(asker, group, correlation);
    replica.appends.revoke(requestId, this.#core.nowMs() + request.remainingMs, (outcome) => {
      if (outcome.ok) this.#send(asker, group, { type: 'number', correlation, value: 0 });
      else this.#answer(asker, group, correlation, outcome);
    });
  }

  #read(asker: Asker, group: GroupId, request: wire.PeerRequest & { readonly type: 'read' }): void {
    const replica = this.#core.replica(group);
    const { correlation, freshness, offsetFrom, sinceMs, sessionOffset } = request;
    if (replica === undefined) return this.#refuse(asker, group, correlation);
    const bytesMax = Math.min(request.bytesMax, passedOnBytesMax);
    const waitMs = Math.min(request.waitMs, passedOnWaitMs);
    const topic = this.#options.nameOf(group) ?? '';
    const { spans } = this.#core;
    const span = asker.trace === null ? null : spans.begin('read', asker.trace, { topic, freshness });
    this.#reads.begin({ topic, offsetFrom, sinceMs, bytesMax, freshness, sessionOffset, waitMs }, replica, (outcome) => {
      if (span !== null) spans.end(span, outcome.ok ? null : outcome.error.code);
      if (!outcome.ok) return this.#failed(asker, group, correlation, outcome);
      const { topic: _topic, times = [], ...found } = outcome.value;
      this.#sendBulk(asker, group, { type: 'records', correlation, ...found, times });
    });
  }

  #claim(asker: Asker, group: GroupId, correlation: number): void {
    const replica = this.#core.replica(group);
    if (replica?.raft.role !== 'leader' || !this.#options.mayHandOver(replica, asker.broker))
      return this.#refuse(asker, group, correlation);
    this.#core.causes.handover(group, asker.broker);
    replica.step({ type: 'transferLeadership', to: asker.broker });
    this.#send(asker, group, { type: 'number', correlation, value: 0 });
  }

  #end(asker: Asker, group: GroupId, { correlation, freshness }: wire.PeerRequest & { readonly type: 'end' }): void {
    const replica = this.#core.replica(group);
    if (replica === undefined) return this.#refuse(asker, group, correlation);
    const topic = this.#options.nameOf(group) ?? '';
    this.#reads.end({ topic, freshness }, replica, (outcome) => {
      if (!outcome.ok) return this.#failed(asker, group, correlation, outcome);
      const { offset, asOfMs } = outcome.value;
      this.#send(asker, group, { type: 'end', correlation, offset, asOfMs });
    });
  }

  #failed(asker: Asker, group: GroupId, correlation: number, { error }: Outcome<unknown> & { readonly ok: false }): void {
    const leader = this.#core.replica(group)?.raft.leader ?? null;
    const { code, message, details } = error;
    this.#send(asker, group, { type: 'error', correlation, code, message, details: { ...details, leader } });
  }

  #answer(asker: Asker, group: GroupId, correlation: number, outcome: AppendOutcome): void {
    if (outcome.ok) return this.#send(asker, group, { type: 'appended', correlation, ...outcome.value });
    const { code, reason, details } = outcome.error;
    this.#send(asker, group, { type: 'error', correlation, code, message: reason, details });
  }

  /** Another broker leads, or this one is not so far yet: ask again. */
  #refuse(asker: Asker, group: GroupId, correlation: number): void {
    const leader = this.#core.replica(group)?.raft.leader ?? null;
    const code = leader === null ? 'starting' : 'notLeader';
    this.#send(asker, group, { type: 'error', correlation, code, message: 'it is not led here', details: { leader } });
  }

  /** A long answer. Where there is no room on its way whoever asked is told so at once. */
  #sendBulk(asker: Asker, group: GroupId, answer: wire.PeerAnswer): void {
    if (this.#sendBy(asker, group, answer, true)) return this.#core.wake();
    const { correlation } = answer;
    const message = `the way back to broker ${asker.broker} is full`;
    this.#send(asker, group, { type: 'error', correlation, code: 'overloaded', message, details: {} });
  }

  #send(asker: Asker, group: GroupId, answer: wire.PeerAnswer): void {
    this.#sendBy(asker, group, answer, false);
    this.#core.wake();
  }

  /** The way that the request came tells which kind of way the answer takes. */
  #sendBy({ broker, hops }: Asker, group: GroupId, answer: wire.PeerAnswer, isLong: boolean): boolean {
    const { links, host } = this.#core;
    const message = wire.encodeAnswer(group, answer, host.bytes);
    if (hops !== null) return this.#relays.send(broker, message, { isLong, asked: hops }) !== null;
    return isLong ? links.sendBulk(broker, message) : links.send(broker, message);
  }
}
