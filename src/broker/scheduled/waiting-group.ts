import { type GroupId, groupId, offset } from '../../base/branded.ts';
import { type Answer, scheduledPageMax, type RecordService } from '../../eventlog/index.ts';
import type { LogBatch } from '../../raft/index.ts';
import { batchOf, forEachRecord, isControl, producerKind } from '../../record/index.ts';
import {
  carriedOf,
  Deliverer,
  type Due,
  encodeCommand,
  Nearest,
  type ScheduledCommand,
  type ScheduledOutcome,
  ScheduledState,
  type Target,
} from '../../scheduled/index.ts';
import { type Core, failure } from '../core.ts';
import { KeptMachine, type KeptMachineOptions } from '../kept-machine.ts';
import type { MachineState, Refused, Replica } from '../replica/index.ts';
import { scheduledGroups } from '../well-known.ts';
import type { Call, Listed, ListedEntry } from './calls.ts';

export interface WaitingGroupOptions extends KeptMachineOptions {
  readonly records: RecordService;
  /** Log time as this broker knows it. */
  readonly timeMs: () => number;
  /** Whether nothing is to be done for now. */
  readonly isPaused: () => boolean;
  /** Comes back with the group of a partition, `gone` where its topic is no more, null where nobody can say now. */
  readonly find: (target: Target, done: (group: number | 'gone' | null) => void) => void;
  readonly dropped: (id: string, target: Target, reason: string) => void;
  /** Somebody is to be asked, or a log written: every tick counts again. */
  readonly stir: () => void;
}

/** By which it is cancelled: the group's number among those that keep what waits, and its place there. */
export const idOf = (index: number, place: number): string => `${index}-${place}`;

/** One group of what is appended later on a broker that has a replica of it: its state, which follows the group's log, and what is delivered while this one leads. */
export class WaitingGroup {
  readonly #core: Core;
  readonly #group: GroupId;
  readonly #index: number;
  readonly #options: WaitingGroupOptions;
  readonly #state: ScheduledState;
  readonly #machine: KeptMachine<ScheduledCommand, ScheduledOutcome>;
  readonly #deliverer: Deliverer;

  /** @param index its number among those that keep what waits */
  constructor(group: GroupId, index: number, options: WaitingGroupOptions) {
    const { core, appends } = options;
    this.#core = core;
    this.#group = group;
    this.#index = index;
    this.#options = options;
    const { bytes, clock } = core.host;
    const state = new ScheduledState(bytes);
    this.#state = state;
    this.#machine = new KeptMachine(
      group,
      {
        encode: (command) => encodeCommand(command, bytes),
        apply: (value, at) => {
          const outcome = state.apply(value, at);
          this.#deliverer.scheduled(at);
          return outcome;
        },
        snapshot: () => state.snapshot(),
        restore: (snapshot) => state.restore(snapshot),
      },
      { called: 'a group of what is appended later', what: 'what is appended later', derivedFrom: 'scheduled' },
      options,
    );
    this.#deliverer = new Deliverer({
      state,
      clock,
      bytes,
      group,
      timeMs: options.timeMs,
      term: () => this.#term(),
      submit: (command, done) => this.#submit(command, done),
      read: (at, done) => this.#read(at, (batches) => done(batches === null ? null : this.#carriedIn(batches, at))),
      find: options.find,
      append: (target, request, answer) => {
        options.stir();
        appends.append(groupId(target), request, answer);
      },
      readTopic: (request, answer) => options.records.read(request, answer),
      dropped: (place, target, reason) => options.dropped(idOf(index, place), target, reason),
      logBytes: () => core.replica(group)?.log.sizeBytes ?? 0,
      keptBytes: core.settings.scheduledRetentionBytes,
    });
    const replica = core.replica(group);
    if (replica !== undefined) this.advanced(replica);
  }

  advanced(replica: Replica): void {
    replica.appends.admits = (producerId) => this.#refusal(producerId);
    this.#machine.advanced(replica);
  }

  /** All records below `least` have taken effect in it; null while that is not so. */
  stateAt(least: number): MachineState | null {
    return this.#machine.stateAt(least);
  }

  /** Below it nothing of the log is wanted any more; what stands above what is known here may be wanted too. */
  get keptFrom(): number {
    return Math.min(this.#state.waiting.leastAt, this.#machine.applied);
  }

  tick(nowMs: number): void {
    this.#machine.expire(nowMs);
    this.#deliverer.look();
  }

  stop(): void {
    this.#deliverer.stop();
  }

  /** What is scheduled bears a request id, always; commands bear none, and are taken even where there is no room for more. */
  #refusal(producerId: number): Refused | null {
    if (producerKind(producerId) !== 'requestId') return null;
    const { scheduledMax, scheduledBytesMax } = this.#core.settings;
    const { size, bytes } = this.#state.waiting;
    const [most, bytesMost] = [Math.ceil(scheduledMax / scheduledGroups), Math.ceil(scheduledBytesMax / scheduledGroups)];
    if (size < most && bytes < bytesMost) return null;
    const what =
      size < most
        ? `${bytes} bytes of limits.scheduledBytesMax / ${scheduledGroups}`
        : `${size} of limits.scheduledMax / ${scheduledGroups}`;
    return { code: 'tooManyScheduled', reason: `the group that would keep it until then is full: ${what} wait there already`, details: {} };
  }

  #term(): number | null {
    const replica = this.#core.replica(this.#group);
    return replica?.raft.role === 'leader' && this.#machine.isCurrent && !this.#options.isPaused() ? replica.raft.term : null;
  }

  #submit(command: ScheduledCommand, done: Answer<ScheduledOutcome>): void {
    this.#options.stir();
    this.#machine.submit(command, done);
  }

  #read(at: number, done: (batches: readonly LogBatch[] | null) => void): void {
    const replica = this.#core.replica(this.#group);
    if (replica === undefined || at < replica.log.logStartOffset) return done(null);
    const cached = replica.raft.batches(offset(at), offset(at + 1));
    if (cached !== null && cached.length > 0) return done(cached);
    // One batch at least is given; a command that was carried on may stand in one with others.
    replica.log.read({ offsetFrom: offset(at), offsetTo: replica.visible, bytesMax: 1 }, (result) => {
      this.#core.wake();
      if (result.ok) return done(result.value);
      if (result.error.kind === 'corrupt') replica.damaged(result.error);
      // Another replica may be able to.
      else if (result.error.kind === 'unreadable') replica.step({ type: 'transferLeadership', to: null });
      done(null);
    });
  }

  #carriedIn(batches: readonly LogBatch[], at: number): ReturnType<typeof carriedOf> {
    let found: ReturnType<typeof carriedOf> = null;
    for (const { bytes: frame } of batches) {
      const batch = batchOf(frame);
      if (isControl(batch)) continue;
      forEachRecord(batch, (record) => {
        const value = record.offset === at ? record.value() : null;
        if (value !== null) found = carriedOf(value, record.timestampMs, this.#core.host.bytes);
      });
    }
    return found;
  }

  // -------------------------------------------------------------------------------------------------------------- questions

  answer(call: Call, answer: Answer<unknown>): void {
    if (call.call === 'cancelScheduled') return this.#cancel(call.place, answer);
    this.#machine.confirm((refusal) => answer(refusal === null ? { ok: true, value: this.#list(call) } : { ok: false, error: refusal }));
  }

  #cancel(place: number, answer: Answer<unknown>): void {
    this.#submit({ type: 'cancel', place }, (outcome) => {
      if (!outcome.ok) return answer(outcome);
      if (outcome.value === 'done') return answer({ ok: true, value: null });
      const doing = `cancel "${idOf(this.#index, place)}"`;
      if (outcome.value === 'claimed') return answer(failure('beingDelivered', `Cannot ${doing}: it is being delivered`));
      answer(failure('notScheduled', `Cannot ${doing}: nothing waits under this id, any more or at all`));
    });
  }

  #list({ topic, afterMs, afterPlace, limit }: Call & { readonly call: 'listScheduled' }): Listed {
    const { waiting, counts } = this.#state;
    const most = Math.min(limit, scheduledPageMax);
    const nearest = new Nearest(most + 1);
    waiting.forEach((place, timeMs, _at, target) => {
      const isBehind = timeMs > afterMs || (timeMs === afterMs && place > afterPlace);
      if (isBehind && (topic === null || topic === target.topic)) nearest.offer(timeMs, place);
    });
    const entries: ListedEntry[] = [];
    for (let due: Due | undefined; entries.length < most && (due = nearest.take()) !== undefined; ) {
      const entry = waiting.get(due.place);
      if (entry !== undefined) entries.push(this.#shown(entry.place, entry));
    }
    const totals = { waiting: waiting.size, waitingBytes: waiting.bytes, ...counts };
    return { entries, isMore: nearest.size > 0 || !nearest.isWhole, totals };
  }

  #shown(place: number, entry: NonNullable<ReturnType<ScheduledState['waiting']['get']>>): ListedEntry {
    const { deliverAtMs, target, bytes, recordCount: count, isClaimed } = entry;
    const { topic, partition } = target;
    const problem = deliverAtMs <= this.#options.timeMs() ? this.#deliverer.problemOf(target) : null;
    return { place, topic, partition, deliverAtMs, count, bytes, state: isClaimed ? 'delivering' : 'waiting', problem };
  }
}
