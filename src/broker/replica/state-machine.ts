import { type GroupId, offset } from '../../base/branded.ts';
import type { Result } from '../../base/result.ts';
import { LogError } from '../../eventlog/index.ts';
import type { Bytes } from '../../host/index.ts';
import type { LogBatch } from '../../raft/index.ts';
import { batchOf, forEachRecord, isControl, RecordBatchBuilder, stampMs } from '../../record/index.ts';
import type { BrokerObserver, DerivedFrom } from '../contract.ts';
import type { MachineState } from './machine-checkpoint.ts';
import type { Replica } from './replica.ts';

/**
 * A deterministic state machine: the same commands at the same offsets give the same state, whoever applies them. It reads no setting, no clock and no disk
 * of its broker; a limit is checked where a command is made, or travels in it.
 */
export interface StateMachine<Command, Outcome> {
  /** The value of the record that carries a command. */
  encode(command: Command): Uint8Array;
  /** Takes the record at offset `at`, appended at `timeMs` of its leader's clock. Total: what it does not understand changes nothing. */
  apply(value: Uint8Array | null, at: number, timeMs: number): Outcome;
  /** The whole state; equal where the states are. */
  snapshot(): Uint8Array;
  /** Takes over the state of a snapshot. False, and nothing has changed, where it is none. */
  restore(snapshot: Uint8Array): boolean;
}

/** What a replicated state machine needs of its broker. */
export interface StateMachineContext {
  readonly group: GroupId;
  /** In messages, e.g. `the catalog`. */
  readonly called: string;
  readonly derivedFrom: DerivedFrom;
  readonly bytes: Bytes;
  readonly observer: BrokerObserver | null;
  nowMs(): number;
  wallMs(): number;
  replica(): Replica | undefined;
  /** Something happened: have a turn. */
  wake(): void;
  /** Appends to the group's log at level `quorum`, like any append. */
  append(batch: Uint8Array, timeoutMs: number, answer: (outcome: Result<{ readonly offset: number }, LogError>) => void): void;
}

/** Outcomes that are kept for whoever appended the command and has not come back for them yet. */
const outcomesMax = 1024;
const commandMs = 5000;
const readBytesMax = 1024 * 1024;

interface Waiting<Told> {
  readonly offset: number;
  readonly deadlineMs: number;
  readonly done: (told: Told) => void;
}

/** A state machine on one broker: follows its group's log, and appends commands to it through the same path as any append. */
export class ReplicatedStateMachine<Command, Outcome> {
  readonly #machine: StateMachine<Command, Outcome>;
  readonly #context: StateMachineContext;
  #applied = 0;
  #isReading = false;
  readonly #outcomes = new Map<number, Outcome>();
  /** For what the command at an offset did; null in place of that where it is too late. */
  #waiting: Waiting<Outcome | null>[] = [];
  /** For everything below an offset to have taken effect. */
  #readers: Waiting<boolean>[] = [];

  constructor(machine: StateMachine<Command, Outcome>, context: StateMachineContext) {
    this.#machine = machine;
    this.#context = context;
  }

  /** All records below it have taken effect here. */
  get applied(): number {
    return this.#applied;
  }

  /** Goes on from a state that was kept. False, and nothing has changed, where it is none. */
  resume({ at, bytes }: MachineState): boolean {
    if (!this.#machine.restore(bytes)) return false;
    this.#applied = at;
    return true;
  }

  /** For `resume`, at this moment; the bytes are made when they are asked for. */
  get kept(): MachineState {
    const machine = this.#machine;
    return {
      at: this.#applied,
      get bytes() {
        return machine.snapshot();
      },
    };
  }

  /** Everything that this broker knows to be committed has taken effect. */
  get isCurrent(): boolean {
    const replica = this.#context.replica();
    return replica !== undefined && replica.visible > 0 && this.#applied >= replica.visible;
  }

  /** `done` comes with true once all that this broker shows of the log has taken effect here, with false if that takes too long. */
  whenApplied(deadlineMs: number, done: (isApplied: boolean) => void): void {
    const upTo = this.#context.replica()?.visible ?? 0;
    if (this.#applied >= upTo) done(true);
    else this.#readers.push({ offset: upTo, deadlineMs, done });
  }

  expire(nowMs: number): void {
    const isLate = ({ deadlineMs }: { readonly deadlineMs: number }): boolean => deadlineMs <= nowMs;
    const late = this.#readers.filter(isLate);
    if (late.length > 0) this.#readers = this.#readers.filter((one) => !isLate(one));
    for (const one of late) one.done(false);
    const unknown = this.#waiting.filter(isLate);
    if (unknown.length > 0) this.#waiting = this.#waiting.filter((one) => !isLate(one));
    for (const one of unknown) one.done(null);
  }

  /**
   * Appends a command; `done` gets what it did, once that has taken effect on this broker. Where that does not come in time, it is a `timeout`: the command
   * is in the log, and only this broker does not know yet what came of it.
   */
  submit(command: Command, done: (result: Result<Outcome, LogError>) => void): void {
    const deadlineMs = this.#context.nowMs() + commandMs;
    const builder = new RecordBatchBuilder();
    builder.add(Math.floor(this.#context.wallMs()), null, this.#machine.encode(command));
    this.#context.append(builder.finishUnsealed(), commandMs, (outcome) => {
      if (!outcome.ok) return done(outcome);
      const at = outcome.value.offset;
      if (at >= this.#applied) {
        const told = (value: Outcome | null): void =>
          done(value === null ? this.#unknown('timeout', 'this broker has not come so far in its log') : { ok: true, value });
        this.#waiting.push({ offset: at, deadlineMs, done: told });
        return;
      }
      const result = this.#outcomes.get(at);
      if (result !== undefined) return done({ ok: true, value: result });
      done(this.#unknown('internal', 'too many came after it'));
    });
  }

  #unknown(code: 'timeout' | 'internal', reason: string): { readonly ok: false; readonly error: LogError } {
    return { ok: false, error: new LogError(code, `Cannot say what a command to ${this.#context.called} did: ${reason}`) };
  }

  /** More of the log is committed and readable. */
  advanced(replica: Replica): void {
    while (!this.#isReading && this.#applied < replica.visible) {
      const cached = replica.raft.batches(offset(Math.max(this.#applied, replica.log.logStartOffset)), replica.visible);
      if (cached === null) return this.#read(replica);
      this.#applyAll(cached);
    }
  }

  #read(replica: Replica): void {
    this.#isReading = true;
    const offsetFrom = offset(Math.max(this.#applied, replica.log.logStartOffset));
    replica.log.read({ offsetFrom, offsetTo: replica.visible, bytesMax: readBytesMax }, (result) => {
      this.#isReading = false;
      if (!result.ok) return replica.damaged(result.error);
      this.#applyAll(result.value);
      this.advanced(replica);
      this.#context.wake();
    });
  }

  #applyAll(batches: readonly LogBatch[]): void {
    for (const batch of batches) if (batch.offsetFrom >= this.#applied) this.#apply(batch);
    const ready = this.#waiting.filter((one) => one.offset < this.#applied);
    this.#waiting = this.#waiting.filter((one) => one.offset >= this.#applied);
    for (const one of ready) one.done(this.#outcomes.get(one.offset) ?? null);
    const current = this.#readers.filter((one) => one.offset <= this.#applied);
    this.#readers = this.#readers.filter((one) => one.offset > this.#applied);
    for (const one of current) one.done(true);
  }

  #apply({ bytes: frame, offsetTo }: LogBatch): void {
    const batch = batchOf(frame);
    const timeMs = stampMs(frame);
    if (!isControl(batch))
      forEachRecord(batch, (record) => this.#remember(record.offset, this.#machine.apply(record.value(), record.offset, timeMs)));
    this.#applied = offsetTo;
    const { observer, group, derivedFrom, bytes } = this.#context;
    observer?.derived(group, derivedFrom, offsetTo, () => bytes.crc32c(this.#machine.snapshot()));
  }

  #remember(at: number, outcome: Outcome): void {
    this.#outcomes.set(at, outcome);
    if (this.#outcomes.size <= outcomesMax) return;
    for (const oldest of this.#outcomes.keys()) {
      this.#outcomes.delete(oldest);
      break;
    }
  }
}
