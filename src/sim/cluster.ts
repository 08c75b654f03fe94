/**
 * Brokers on simulated machines, the checkers that watch them, and the way of a client's call to one of them and back.
 */
import { assert } from '../base/assert.ts';
import { type BrokerId, brokerId, type GroupId } from '../base/branded.ts';
import { type BrokerApi, type BrokerObserver, type BrokerOptions, processName } from '../broker/index.ts';
import { type BrokerSettings, defaultSettings } from '../broker/settings.ts';
import type { Answer, LogError, BrokerService, Outcome } from '../eventlog/index.ts';
import type { TraceEvent } from '../clocks/index.ts';
import type { BrokerAddress, Disk } from '../host/index.ts';
import type { Persist } from '../raft/index.ts';
import { NoException } from './checkers/a1-no-exception.ts';
import { OneAnswer } from './checkers/a2-one-answer.ts';
import { HeldBuffers } from './checkers/a3-held-buffers.ts';
import { AnsweredInTime } from './checkers/a4-answered-in-time.ts';
import { RaftWatch } from './checkers/raft-watch.ts';
import { TornOrDamaged } from './checkers/st3-torn-or-damaged.ts';
import { DirectorySync } from './checkers/st7-directory-sync.ts';
import { StopAfterAFailedSync } from './checkers/st8-stop-after-a-failed-sync.ts';
import type { CheckReport, Findings } from './checkers/verdict.ts';
import type { SimDisk } from './disk.ts';
import { DiskPast, folderOf } from './disk-past.ts';
import type { SimProcess } from './process.ts';
import { Recording } from './recording.ts';
import { type LogLine, type Machine, World } from './world.ts';

export interface ClusterOptions {
  readonly seed: number;
  readonly brokerCount: number;
  /** The least number of brokers that keep a topic; left out, all do. */
  readonly replicas?: number | undefined;
  readonly makeBroker: (options: BrokerOptions) => BrokerApi;
  /** Of all brokers, whatever `settingsOf` says. */
  readonly settings?: Partial<BrokerSettings> | undefined;
  /** Asked at each start of a broker. */
  readonly settingsOf?: (() => Partial<BrokerSettings>) | undefined;
  readonly inMemory: boolean;
  readonly logOnly: boolean;
  readonly clockSkewMsMax: number;
  readonly clockDriftMax: number;
  /** Makes a disk lie, to prove that the checkers see it. */
  readonly sabotageDisk?: ((disk: Disk) => Disk) | undefined;
  readonly onLog?: ((line: LogLine) => void) | undefined;
  /** Gets the run as a trace while it runs. */
  readonly onTrace?: ((event: TraceEvent) => void) | undefined;
}

/** What a client learns of its call. */
export type CallOutcome<Value> =
  | { readonly kind: 'answer'; readonly outcome: Outcome<Value> }
  /** Nobody listened: the call did not reach a broker. */
  | { readonly kind: 'refused' }
  /** The connection ended or the client gave up: nobody knows. */
  | { readonly kind: 'lost' };

export interface Member {
  readonly id: BrokerId;
  readonly machine: Machine;
  broker: BrokerApi | null;
  /** The broker as callers have it: whether it answers in time is watched. */
  service: BrokerService | null;
  /** Calls of clients under way, to be told when the process ends. */
  readonly calls: Set<() => void>;
  /** Nobody has asked for this end: how it is to be started again is the faults' business. */
  readonly address: BrokerAddress;
}

export interface Backup {
  readonly disk: SimDisk;
  /** The lives of its broker that the disk has seen. */
  readonly seen: readonly string[];
}

export class Cluster {
  readonly world: World;
  readonly watch: RaftWatch;
  readonly members: readonly Member[];
  /** A process ended by itself or by a trap; whoever injects faults starts it again. */
  onDown: ((member: Member) => void) | null = null;
  /** One of its groups takes no part any more. */
  onFenced: ((member: Member) => void) | null = null;
  /** Null where the run is not recorded. */
  readonly recording: Recording | null;
  kills = 0;
  /** When a broker was last killed, by a trap too, or told to stop. */
  lastKillMs = 0;
  readonly #options: ClusterOptions;
  /** One copy of some of their votes was spoilt. */
  readonly votesSpoilt = new Set<number>();
  readonly #damaged = new Set<number>();
  readonly #diskPasts = new Map<number, DiskPast>();
  readonly #noException = new NoException();
  readonly #tornOrDamaged = new TornOrDamaged();
  readonly #oneAnswer = new OneAnswer();
  readonly #answeredInTime = new AnsweredInTime();
  readonly #heldBuffers = new HeldBuffers();
  readonly #directorySync = new DirectorySync();
  readonly #stopAfterAFailedSync = new StopAfterAFailedSync();
  /** Asked to stop in their present life. */
  readonly #stopping = new Set<number>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.world = new World({
      seed: options.seed,
      clockSkewMsMax: options.clockSkewMsMax,
      clockDriftMax: options.clockDriftMax,
      inMemory: options.inMemory,
      onException: (machine, error) => {
        this.#noException.thrown(machine.id, this.nowMs, error);
        this.recording?.doneTo(processName(machine.id), 'died', { reason: String(error) });
        this.#ended(this.member(machine.id));
      },
      onTrapped: ({ id }, { powerLoss }, call) => {
        this.kills++;
        this.lastKillMs = this.nowMs;
        this.recording?.doneTo(processName(id), 'killed', { powerLoss, at: call });
        this.#ended(this.member(id));
      },
      onFailing: (machine, operation, path) => this.#diskPast(machine.id).failing(operation, path),
      onFailed: (machine) => this.#diskPast(machine.id).told(this.nowMs),
      onFull: (machine) => this.#diskPast(machine.id).full(this.nowMs),
      onAfterFailure: (machine, operation, path, goesOn) => {
        // One that stops is at its end anyway, also where the mark that its log is closed cannot be written.
        const isServing = goesOn && this.member(machine.id).broker !== null && !this.#stopping.has(machine.id);
        this.#stopAfterAFailedSync.failed(machine.id, operation, path, isServing);
      },
      onHeld: (machine, where, isUnchanged) => this.#heldBuffers.released(machine, this.nowMs, where, isUnchanged),
      onLog: (line) => this.#logged(line),
    });
    this.watch = new RaftWatch(
      options.brokerCount,
      this.world.coverage,
      { ...defaultSettings, ...options.settings },
      () => this.world.scheduler.nowMs,
    );
    const { onTrace } = options;
    this.recording = onTrace === undefined ? null : new Recording(() => this.nowMs, onTrace);
    this.world.network.onDisturbed = (one, other) => this.watch.sentOnce.disturbed(one, other);
    this.members = Array.from({ length: options.brokerCount }, (_, index) => {
      const id = brokerId(index + 1);
      const machine = this.world.addMachine(id);
      machine.sabotage = options.sabotageDisk ?? null;
      return { id, machine, broker: null, service: null, calls: new Set(), address: { id, host: `broker-${id}`, port: 8000 + index } };
    });
  }

  member(id: number): Member {
    return this.members[id - 1] as Member;
  }

  isUp(member: Member): boolean {
    return member.machine.process !== null;
  }

  get nowMs(): number {
    return this.world.scheduler.nowMs;
  }

  /** Reports of everything that is watched while it runs. */
  reports(): CheckReport[] {
    this.#answeredInTime.look();
    return this.findings.map((findings) => findings.report());
  }

  get findings(): readonly Findings[] {
    return [
      ...this.watch.findings,
      ...[
        this.#noException,
        this.#oneAnswer,
        this.#answeredInTime,
        this.#heldBuffers,
        this.#tornOrDamaged,
        this.#directorySync,
        this.#stopAfterAFailedSync,
      ].map(({ findings }) => findings),
    ];
  }

  start(member: Member): void {
    if (this.isUp(member)) return;
    this.#noException.started();
    this.#diskPast(member.id).started();
    this.#stopping.delete(member.id);
    this.recording?.doneTo(processName(member.id), 'start', { life: member.machine.lives + 1 });
    const settings = { ...defaultSettings, ...this.#options.settingsOf?.(), ...this.#options.settings };
    this.watch.startsWith(member.id, settings);
    this.world.start(member.machine, (host, process) => {
      const options: BrokerOptions = {
        host,
        self: member.address,
        brokers: this.members.map(({ address }) => address),
        settings,
        // Another one at every start, as in a rolling update.
        version: `0.0.${member.machine.lives}-sim`,
        clusterId: null,
        secret: null,
        logOnly: this.#options.logOnly,
        onFatal: (error) => {
          if (process.alive) this.#failed(member, process, error, 'stopped');
        },
        observer: this.#observerOf(member, process),
      };
      const broker = this.#options.makeBroker(options);
      broker.open((result) => {
        if (!process.alive) return;
        this.#tornOrDamaged.opened();
        if (result.ok) {
          member.broker = broker;
          member.service = this.#answeredInTime.watched(broker, process);
        } else this.#failed(member, process, result.error, 'did not open');
      });
    });
  }

  #observerOf(member: Member, process: SimProcess): BrokerObserver {
    const watch = this.watch.observerOf(member.id, () => process.alive);
    const { recording } = this;
    return {
      ...watch,
      ...(recording === null
        ? {}
        : {
            happened: (event: TraceEvent): void => {
              if (process.alive) recording.happened(event);
            },
          }),
      persisted: (group, persist) => {
        if (process.alive) this.#directorySync.persisted(member.id, `group ${group}`, this.#unsyncedNames(member, group, persist));
        watch.persisted(group, persist);
      },
    };
  }

  /** Of the files that hold what was just reported as synced. */
  #unsyncedNames({ machine }: Member, group: GroupId, { vote, batches }: Persist): readonly string[] {
    const names = machine.disk?.unsyncedNames(folderOf(group)) ?? [];
    if (names.length === 0) return names;
    const last = batches.at(-1);
    return names.filter((path) => {
      if (path === 'identity' || path.startsWith('votes')) return vote !== null && !path.endsWith('.tmp');
      const [, folder, base] = /^(groups\/[^/]+)\/(\d+)\.log$/.exec(path) ?? [];
      return folder === folderOf(group) && last !== undefined && Number(base) < last.offsetTo;
    });
  }

  kill(member: Member, powerLoss: boolean): void {
    if (!this.isUp(member)) return;
    this.kills++;
    this.lastKillMs = this.nowMs;
    this.recording?.doneTo(processName(member.id), 'killed', { powerLoss });
    this.world.kill(member.machine, powerLoss);
    this.#ended(member);
  }

  /** Asks a broker to stop, as SIGTERM does; whoever waits longer than its grace ends it. */
  stop(member: Member, graceMs: number, stopped: () => void = () => undefined): void {
    const { broker, machine } = member;
    const { process } = machine;
    if (broker === null || process === null) return;
    let over = false;
    this.#stopping.add(member.id);
    const end = (): void => {
      if (over || machine.process !== process) return;
      over = true;
      this.lastKillMs = this.nowMs;
      this.recording?.doneTo(processName(member.id), 'stopped');
      this.world.kill(machine, false);
      this.#ended(member);
      stopped();
    };
    process.deliver('fault', () =>
      broker.close(graceMs, () => {
        if (process.alive) this.world.coverage.reach('broker.closed');
        end();
      }),
    );
    this.world.scheduler.schedule(graceMs + 5000, 'fault', member.id, end);
  }

  /** Whether what this broker had synced was changed behind its back, so that it need not take part any more. */
  isDamaged(member: Member): boolean {
    return this.#damaged.has(member.id);
  }

  /** `path` is where; null when the whole disk was replaced. */
  markDamaged(member: Member, path: string | null): void {
    this.#damaged.add(member.id);
    this.touched(member, path);
  }

  /** Something was done to a file behind the broker's back, which it may notice and must survive. */
  touched(member: Member, path: string | null): void {
    this.#diskPast(member.id).damaged(path);
  }

  /** The least number of brokers that keep a topic. */
  get replicas(): number {
    return this.#options.replicas ?? this.members.length;
  }

  /** Those that must be as good as new once the faults are over. */
  get sound(): readonly Member[] {
    return this.members.filter((member) => !this.isDamaged(member));
  }

  /** A copy of a broker's disk as it would be after a loss of power. */
  backUp({ id, machine }: Member): Backup | null {
    const disk = machine.disk?.copy(this.world.random.fork(), { schedule: () => undefined }) ?? null;
    return disk === null ? null : { disk, seen: this.watch.nodeIdentity.seenBy(id) };
  }

  /** An empty disk, or an old one, where this broker's disk was. Whoever starts on it is not who it says. */
  replaceDisk(member: Member, backup: Backup | null): void {
    member.machine.disk?.replaceBy(backup?.disk ?? null);
    this.markDamaged(member, null);
    this.watch.becameImpostor(member.id, backup?.seen ?? []);
  }

  /** Who was elected last to lead a topic's group, if it is up. */
  leaderOf(group: GroupId): Member | null {
    const last = this.watch.ledger.group(group).elections.at(-1);
    if (last === undefined) return null;
    const member = this.member(last.broker);
    return member.broker === null ? null : member;
  }

  /** Flips a bit of what a broker has on its disk, as a medium does that rots. */
  damage(member: Member, path: string, position: number): void {
    const { disk } = member.machine;
    const byte = disk?.fileBytes(path)?.[position];
    assert(disk !== null && byte !== undefined, `broker ${member.id} has byte ${position} of "${path}"`);
    disk.overwrite(path, position, new Uint8Array([byte ^ 1]));
    this.markDamaged(member, path);
  }

  /** Calls a broker as a gateway would for a client, with the way there and back, and gives up after `timeoutMs`. */
  call<Value>(
    client: number,
    member: Member,
    timeoutMs: number,
    invoke: (service: BrokerService, answer: Answer<Value>) => void,
    done: (outcome: CallOutcome<Value>) => void,
  ): void {
    const { scheduler } = this.world;
    let settled = false;
    const settle = (outcome: CallOutcome<Value>): void => {
      if (settled) return;
      settled = true;
      scheduler.cancel(deadline);
      member.calls.delete(lose);
      scheduler.schedule(this.#tripMs(), 'client', client, () => done(outcome));
    };
    const lose = (): void => settle({ kind: 'lost' });
    const deadline = scheduler.schedule(timeoutMs, 'client', client, lose);
    scheduler.schedule(this.#tripMs(), 'client', member.id, () => {
      const { process } = member.machine;
      if (settled) return;
      if (process === null || member.broker === null) {
        settle({ kind: 'refused' });
        return;
      }
      member.calls.add(lose);
      process.deliver('client', () => {
        const { broker, service } = member;
        if (broker === null || service === null || broker.faults.crashed) {
          lose();
          return;
        }
        this.#invoke(process, service, invoke, (outcome) => {
          if (broker.faults.crashed) lose();
          else settle({ kind: 'answer', outcome });
        });
      });
    });
  }

  /** Calls a broker in place, without a way there and back; what a dead process answers is not heard. */
  #invoke<Value>(
    process: SimProcess,
    service: BrokerService,
    invoke: (service: BrokerService, answer: Answer<Value>) => void,
    done: Answer<Value>,
  ): void {
    this.#oneAnswer.watch<Value>(
      process.id,
      () => process.alive,
      (answer) => invoke(service, answer),
      done,
    );
  }

  /** A gateway and its broker are one process: this is how code beside the broker uses it. */
  callInside<Value>(member: Member, invoke: (service: BrokerService, answer: Answer<Value>) => void, done: Answer<Value>): void {
    const { service } = member;
    const { process } = member.machine;
    if (service !== null && process !== null) this.#invoke(process, service, invoke, done);
  }

  #logged(line: LogLine): void {
    this.world.coverage.reach(`log.${line.event}`);
    const { machine, event, atMs, fields } = line;
    if (event === 'groupFenced') {
      this.#tornOrDamaged.fenced(
        machine,
        atMs,
        Number(fields?.['group']),
        String(fields?.['reason'] ?? '?'),
        this.#diskPast(machine).at(atMs),
      );
      this.onFenced?.(this.member(machine));
    }
    this.#options.onLog?.(line);
  }

  #diskPast(id: number): DiskPast {
    let past = this.#diskPasts.get(id);
    if (past === undefined) {
      past = new DiskPast();
      this.#diskPasts.set(id, past);
    }
    return past;
  }

  #failed(member: Member, process: SimProcess, error: LogError, how: string): void {
    this.#tornOrDamaged.failed(member.id, this.nowMs, how, error, this.#diskPast(member.id).at(this.nowMs));
    this.world.coverage.reach(`broker.${how === 'stopped' ? 'stopped' : 'notOpened'}.${error.code}`);
    if (member.machine.process !== process) return;
    this.recording?.doneTo(processName(member.id), 'died', { code: error.code, reason: error.message });
    this.world.kill(member.machine, false);
    this.#ended(member);
  }

  #ended(member: Member): void {
    member.broker = null;
    member.service = null;
    this.#answeredInTime.ended(member.id);
    for (const lose of member.calls) lose();
    this.onDown?.(member);
  }

  #tripMs(): number {
    return 0.05 + this.world.random.float() * 0.5;
  }
}
