/**
 * The simulated world: machines with a disk and clocks, a network between them, virtual time, one seed. On each machine at most one process lives at
 * a time; `start` begins a life, `kill` ends it between two instructions, `cutPower` takes what was not synced with it.
 *
 * The loop is plain and synchronous: `scheduler.step()` runs one event, whoever it belongs to. What a program does is decided by its host alone, and
 * all that the hosts hand out comes from here, so the same seed gives the same run on every computer.
 */
import { assert } from '../base/assert.ts';
import { SeededRandom } from '../base/random.ts';
import type { Disk, DiskErrorCode, Host, LogLevel, Random } from '../host/index.ts';
import { MemoryDisk } from '../storage/index.ts';
import { simBytes } from './bytes.ts';
import { ClockError, SimClock } from './clock.ts';
import { Coverage } from './coverage.ts';
import { type CallPhase, type DiskOperation, SimDisk } from './disk.ts';
import { livingDisk } from './living-disk.ts';
import { SimNetwork } from './network.ts';
import { SimProcess } from './process.ts';
import { Scheduler } from './scheduler.ts';

export type HostCall = DiskOperation | 'send';

export interface Machine {
  readonly id: number;
  /** Null where brokers keep everything in memory: a new empty disk for each life. */
  readonly disk: SimDisk | null;
  readonly clockError: ClockError;
  process: SimProcess | null;
  lives: number;
  /** Host calls of this machine's processes, all lives. */
  hostCalls: number;
  /** Kills at a coming host call. */
  trap: CrashTrap | null;
  /** Fails the next call of these, once. */
  failingCalls: readonly DiskOperation[];
  /** Replaces what a wrong program would do wrong; for proving that the checkers see it. */
  sabotage: ((disk: Disk) => Disk) | null;
}

export interface CrashTrap {
  /** Calls of this kind are counted; null counts all. */
  readonly operation: HostCall | null;
  readonly phase: CallPhase;
  /** Strikes at the call that makes this 0. */
  countdown: number;
  readonly powerLoss: boolean;
}

export interface LogLine {
  readonly atMs: number;
  readonly machine: number;
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: Readonly<Record<string, string | number | boolean | null>> | undefined;
}

export interface WorldOptions {
  readonly seed: number;
  readonly clockSkewMsMax: number;
  readonly clockDriftMax: number;
  readonly inMemory: boolean;
  /** The program failed an assertion or threw: its process has ended. */
  readonly onException: (machine: Machine, error: unknown) => void;
  /** A crash trap went off: its process has ended. */
  readonly onTrapped: (machine: Machine, trap: CrashTrap, call: HostCall, path: string) => void;
  /** A call of the disk will fail, and has been told to have failed. */
  readonly onFailing?: (machine: Machine, operation: DiskOperation, path: string) => void;
  readonly onFailed?: (machine: Machine) => void;
  /** A write met a full disk. */
  readonly onFull?: (machine: Machine) => void;
  /** A call of the disk failed a moment ago: whether the process that was told goes on. Nobody is asked about one that sleeps. */
  readonly onAfterFailure?: (machine: Machine, operation: DiskOperation, path: string, goesOn: boolean) => void;
  /** What a program handed to its disk or a link is done with: whether it was left alone until then. */
  readonly onHeld?: (machine: number, where: string, isUnchanged: boolean) => void;
  readonly onLog?: ((line: LogLine) => void) | undefined;
}

export class World {
  readonly scheduler = new Scheduler();
  readonly coverage = new Coverage();
  readonly network: SimNetwork;
  readonly random: SeededRandom;
  readonly #options: WorldOptions;
  readonly #machines = new Map<number, Machine>();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.random = new SeededRandom(options.seed);
    this.network = new SimNetwork(this.scheduler, this.random.fork(), this.coverage);
    this.network.aroundSend = (process, phase) => this.#hostCall(this.machine(process.id), phase, 'send', '');
    this.network.onHeld = (process, to, isUnchanged) => this.#held(process.id, `the link to broker ${to.id}`, isUnchanged);
  }

  #held(machine: number, where: string, isUnchanged: boolean): void {
    const { onHeld } = this.#options;
    if (onHeld === undefined) assert(isUnchanged, `machine ${machine} leaves what it handed to ${where} alone`);
    else onHeld(machine, where, isUnchanged);
  }

  addMachine(id: number): Machine {
    const { clockSkewMsMax, clockDriftMax } = this.#options;
    const random = this.random.fork();
    const disk = this.#options.inMemory ? null : this.#makeDisk(id, random.fork());
    const machine: Machine = {
      id,
      disk,
      clockError: new ClockError(
        clockSkewMsMax === 0 ? 0 : random.between(-clockSkewMsMax, clockSkewMsMax),
        1 + (random.float() * 2 - 1) * clockDriftMax,
      ),
      process: null,
      lives: 0,
      hostCalls: 0,
      trap: null,
      failingCalls: [],
      sabotage: null,
    };
    this.#machines.set(id, machine);
    if (disk !== null) {
      disk.onCall = (operation, path, phase) => this.#hostCall(machine, phase, operation, path);
      disk.onFull = () => this.#options.onFull?.(machine);
      disk.onUnreadable = () => this.coverage.reach('disk.unreadable');
      disk.onHeld = (path, isUnchanged) => this.#held(id, `a write to "${path}"`, isUnchanged);
      disk.inject = (operation, path) => this.#diskFailure(machine, operation, path);
      disk.afterFailure = (operation, path) => this.#afterFailure(machine, operation, path);
    }
    return machine;
  }

  #makeDisk(id: number, random: SeededRandom): SimDisk {
    return new SimDisk({
      random,
      // Completions are input of the process that lives when the call is made: they wait through its pause and end with it.
      scheduler: { schedule: (delayMs, run) => this.machine(id).process?.schedule(delayMs, 'disk', run) },
    });
  }

  machine(id: number): Machine {
    const machine = this.#machines.get(id);
    assert(machine !== undefined, 'the machine exists');
    return machine;
  }

  get machines(): readonly Machine[] {
    return [...this.#machines.values()];
  }

  /** Begins a life on a machine where none is. */
  start(machine: Machine, program: (host: Host, process: SimProcess) => void): SimProcess {
    assert(machine.process === null, 'one process at a time lives on a machine');
    const process = new SimProcess(machine.id, this.scheduler, (error) => {
      this.kill(machine, false);
      this.#options.onException(machine, error);
    });
    machine.process = process;
    machine.lives++;
    const host = this.#makeHost(machine, process);
    process.schedule(0, 'lifecycle', () => program(host, process));
    return process;
  }

  /** Ends the life at once; with `powerLoss` the disk forgets what was not synced. */
  kill(machine: Machine, powerLoss: boolean): void {
    const process = machine.process;
    if (process === null) return;
    machine.process = null;
    machine.trap = null;
    process.kill();
    if (powerLoss) machine.disk?.crash();
    else machine.disk?.kill();
  }

  #makeHost(machine: Machine, process: SimProcess): Host {
    const random = this.random.fork();
    const clock = new SimClock(this.scheduler, process, this.random.fork(), machine.clockError);
    const disk = livingDisk(process, machine.disk ?? new MemoryDisk(clock));
    return {
      clock,
      random: hostRandom(random),
      disk: machine.sabotage === null ? disk : machine.sabotage(disk),
      network: this.network.networkOf(process),
      bytes: simBytes,
      logger: {
        log: (level, event, fields) => {
          if (process.alive) this.#options.onLog?.({ atMs: this.scheduler.nowMs, machine: machine.id, level, event, fields });
        },
      },
    };
  }

  #diskFailure(machine: Machine, operation: DiskOperation, path: string): DiskErrorCode | null {
    if (!machine.failingCalls.includes(operation)) return null;
    machine.failingCalls = [];
    this.coverage.reach(`disk.${operation}Failed`);
    this.#options.onFailing?.(machine, operation, path);
    return 'failed';
  }

  /** Whoever hears of a failed call has the rest of this moment to end. */
  #afterFailure(machine: Machine, operation: DiskOperation, path: string): void {
    const { process } = machine;
    this.#options.onFailed?.(machine);
    this.scheduler.schedule(1, 'check', machine.id, () => {
      if (process?.paused !== true)
        this.#options.onAfterFailure?.(machine, operation, path, process !== null && machine.process === process);
    });
  }

  #hostCall(machine: Machine, phase: CallPhase, call: HostCall, path: string): void {
    if (phase === 'before') machine.hostCalls++;
    const trap = machine.trap;
    if (trap === null || trap.phase !== phase || (trap.operation !== null && trap.operation !== call)) return;
    if (--trap.countdown > 0) return;
    this.coverage.reach(`crash.${phase}.${call}`);
    this.kill(machine, trap.powerLoss);
    this.#options.onTrapped(machine, trap, call, path);
  }
}

function hostRandom(random: SeededRandom): Random {
  return {
    next: () => random.next(),
    below: (limit) => random.below(limit),
    bytes: (length) => {
      const bytes = new Uint8Array(length);
      for (let i = 0; i < length; i++) bytes[i] = random.below(256);
      return bytes;
    },
  };
}
