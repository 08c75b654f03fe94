import type { GroupId } from '../base/branded.ts';
import { type Answer, LogError } from '../eventlog/index.ts';
import type { DerivedFrom } from './contract.ts';
import type { Core } from './core.ts';
import type { Appends, Barriers } from './edge/index.ts';
import { type MachineState, type Replica, ReplicatedStateMachine, type StateMachine } from './replica/index.ts';

export interface KeptMachineOptions {
  readonly core: Core;
  readonly appends: Appends;
  readonly barriers: Barriers;
  /** What the checkpoint of a group's log has of its machine. */
  readonly takeState: (group: GroupId) => MachineState | null;
  /** The log begins here, and nothing has what was before: this broker takes no part in it. */
  readonly lost: (group: GroupId, logStartOffset: number) => void;
}

/** Of one kind of machine. */
export interface KeptAs {
  /** In messages, e.g. `a group of subscribers`. */
  readonly called: string;
  /** What is kept, in messages too, e.g. `subscribers`. */
  readonly what: string;
  readonly derivedFrom: DerivedFrom;
}

const confirmMs = 2000;

/** A state machine of a group of its own, on a broker that has a replica of it: follows its log, from where a checkpoint of that ends. */
export class KeptMachine<Command, Outcome> {
  readonly #options: KeptMachineOptions;
  readonly #group: GroupId;
  readonly #as: KeptAs;
  readonly #machine: ReplicatedStateMachine<Command, Outcome>;
  #isBegun = false;
  /** The log begins behind what nothing is known of: others go on without this broker. */
  #isLost = false;

  constructor(group: GroupId, machine: StateMachine<Command, Outcome>, as: KeptAs, options: KeptMachineOptions) {
    this.#options = options;
    this.#group = group;
    this.#as = as;
    const { core, appends } = options;
    const { called, derivedFrom } = as;
    this.#machine = new ReplicatedStateMachine(machine, {
      group,
      called,
      derivedFrom,
      bytes: core.host.bytes,
      observer: core.observer,
      nowMs: () => core.nowMs(),
      wallMs: () => core.host.clock.wallMs(),
      replica: () => core.replica(group),
      wake: () => core.wake(),
      append: (batch, timeoutMs, answer) => {
        const common = { topic: called, level: 'quorum' as const, requestId: null, sequence: 0, expectedOffset: null };
        appends.append(group, { ...common, batch, timeoutMs }, answer);
      },
    });
  }

  submit(command: Command, done: Answer<Outcome>): void {
    this.#machine.submit(command, done);
  }

  /** All records below it have taken effect here. */
  get applied(): number {
    return this.#machine.applied;
  }

  /** Everything that this broker knows to be committed has taken effect. */
  get isCurrent(): boolean {
    return this.#isBegun && !this.#isLost && this.#machine.isCurrent;
  }

  advanced(replica: Replica): void {
    if (!this.#isBegun) this.#begin(replica);
    if (!this.#isLost) this.#machine.advanced(replica);
  }

  /** The log may begin where a checkpoint ends: what was before is in that. */
  #begin(replica: Replica): void {
    this.#isBegun = true;
    const state = this.#options.takeState(this.#group);
    const isResumed = state !== null && this.#machine.resume(state);
    this.#isLost = !isResumed && replica.log.logStartOffset > 0;
    if (this.#isLost) this.#options.lost(this.#group, replica.log.logStartOffset);
  }

  /** All records below `least` have taken effect in it; null while that is not so. */
  stateAt(least: number): MachineState | null {
    return this.#isBegun && !this.#isLost && this.#machine.applied >= least ? this.#machine.kept : null;
  }

  expire(nowMs: number): void {
    this.#machine.expire(nowMs);
  }

  /** Comes back once everything that was committed when this was called has taken effect here, or with why that could not be had. */
  confirm(done: (refusal: LogError | null) => void): void {
    const { core, barriers } = this.#options;
    const deadlineMs = core.nowMs() + confirmMs;
    const refuse = (): void =>
      done(new LogError('noLeader', `Cannot ask for ${this.#as.what}: nobody who leads their group could confirm it`));
    barriers.begin(this.#group, deadlineMs, (isCurrent) => {
      if (!isCurrent) return refuse();
      this.#machine.whenApplied(deadlineMs, (isApplied) => (isApplied ? done(null) : refuse()));
    });
  }
}
