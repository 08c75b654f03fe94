import { offset } from '../../base/branded.ts';
import type { Result } from '../../base/result.ts';
import { LogError } from '../../eventlog/index.ts';
import type { LogBatch } from '../../raft/index.ts';
import { batchOf, forEachRecord, isControl, RecordBatchBuilder, stampMs } from '../../record/index.ts';
import type { Appends } from '../edge/index.ts';
import { type CatalogCommand, type CatalogEffects, type CatalogOutcome, CatalogState, parseCommand } from './catalog-state.ts';
import type { Core } from '../core.ts';
import type { Replica } from '../replica/index.ts';
import { catalogGroup } from '../well-known.ts';

/** Outcomes that are kept for whoever appended the command and has not come back for them yet. */
const outcomesMax = 1024;
const commandMs = 5000;

const tooLate = (): LogError =>
  new LogError('timeout', 'Cannot say what a catalog command did: this broker has not come so far in its log');

/** The catalog on one broker: follows its group's log, and appends commands to it through the same path as any append. */
export class Catalog {
  readonly state: CatalogState;
  readonly #core: Core;
  readonly #appends: Appends;
  readonly #effects: CatalogEffects;
  #applied = 0;
  #isReading = false;
  readonly #outcomes = new Map<number, CatalogOutcome>();
  #waiting: { readonly offset: number; readonly deadlineMs: number; readonly done: (outcome: CatalogOutcome | null) => void }[] = [];
  #readers: { readonly offset: number; readonly deadlineMs: number; readonly done: (isApplied: boolean) => void }[] = [];

  constructor(core: Core, appends: Appends, oldTopicsMax: number, effects: CatalogEffects) {
    this.#core = core;
    this.#appends = appends;
    this.#effects = effects;
    this.state = new CatalogState(oldTopicsMax);
  }

  /** All records below it have taken effect here. */
  get applied(): number {
    return this.#applied;
  }

  /** Everything that this broker knows to be committed has taken effect. */
  get isCurrent(): boolean {
    const replica = this.#core.replica(catalogGroup);
    return replica !== undefined && replica.visible > 0 && this.#applied >= replica.visible;
  }

  /** `done` comes with true once all that this broker shows of the catalog's log has taken effect here, with false if that takes too long. */
  whenApplied(deadlineMs: number, done: (isApplied: boolean) => void): void {
    const upTo = this.#core.replica(catalogGroup)?.visible ?? 0;
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
   * is in the catalog's log, and only this broker does not know yet what came of it.
   */
  submit(command: CatalogCommand, done: (result: Result<CatalogOutcome, LogError>) => void): void {
    const { bytes, clock } = this.#core.host;
    const deadlineMs = this.#core.nowMs() + commandMs;
    const builder = new RecordBatchBuilder();
    builder.add(Math.floor(clock.wallMs()), null, bytes.utf8Encode(JSON.stringify(command)));
    const common = { topic: 'the catalog', level: 'quorum' as const, requestId: null, sequence: 0, expectedOffset: null };
    this.#appends.append(catalogGroup, { ...common, batch: builder.finishUnsealed(), timeoutMs: commandMs }, (outcome) => {
      if (!outcome.ok) return done(outcome);
      const at = outcome.value.offset;
      if (at >= this.#applied) {
        const told = (value: CatalogOutcome | null): void => done(value === null ? { ok: false, error: tooLate() } : { ok: true, value });
        this.#waiting.push({ offset: at, deadlineMs, done: told });
        return;
      }
      const result = this.#outcomes.get(at);
      if (result !== undefined) return done({ ok: true, value: result });
      done({ ok: false, error: new LogError('internal', 'Cannot say what a catalog command did: too many came after it') });
    });
  }

  /** More of the catalog's log is committed and readable. */
  advanced(replica: Replica): void {
    while (!this.#isReading && this.#applied < replica.visible) {
      const cached = replica.raft.batches(offset(Math.max(this.#applied, replica.log.logStartOffset)), replica.visible);
      if (cached === null) return this.#read(replica);
      this.#applyAll(cached);
    }
  }

  #read(replica: Replica): void {
    this.#isReading = true;
    const request = {
      offsetFrom: offset(Math.max(this.#applied, replica.log.logStartOffset)),
      offsetTo: replica.visible,
      bytesMax: 1024 * 1024,
    };
    replica.log.read(request, (result) => {
      this.#isReading = false;
      if (!result.ok) return replica.damaged(result.error);
      this.#applyAll(result.value);
      this.advanced(replica);
      this.#core.wake();
    });
  }

  #applyAll(batches: readonly LogBatch[]): void {
    for (const batch of batches) if (batch.offsetFrom >= this.#applied) this.#apply(batch);
    const ready = this.#waiting.filter((one) => one.offset < this.#applied);
    this.#waiting = this.#waiting.filter((one) => one.offset >= this.#applied);
    for (const one of ready) one.done(this.#outcomes.get(one.offset) ?? 'invalid');
    const current = this.#readers.filter((one) => one.offset <= this.#applied);
    this.#readers = this.#readers.filter((one) => one.offset > this.#applied);
    for (const one of current) one.done(true);
  }

  #apply({ bytes: frame, offsetTo }: LogBatch): void {
    const batch = batchOf(frame);
    const timeMs = stampMs(frame);
    if (!isControl(batch)) {
      const { bytes } = this.#core.host;
      forEachRecord(batch, (record) => {
        const value = record.value();
        const command = value === null ? null : parseCommand(bytes.utf8Decode(value));
        this.#remember(record.offset, command === null ? 'invalid' : this.state.apply(command, record.offset, timeMs, this.#effects));
      });
    }
    this.#applied = offsetTo;
    this.#core.observer?.derived(catalogGroup, 'topics', offsetTo, () => this.state.digest(this.#core.host.bytes));
  }

  #remember(at: number, outcome: CatalogOutcome): void {
    this.#outcomes.set(at, outcome);
    if (this.#outcomes.size <= outcomesMax) return;
    for (const oldest of this.#outcomes.keys()) {
      this.#outcomes.delete(oldest);
      break;
    }
  }
}
