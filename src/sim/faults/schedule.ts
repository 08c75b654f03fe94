/**
 * When faults strike. A seeded schedule lets storms and quiet times alternate; in a storm one fault after another is chosen, aimed and, unless it is a
 * moment's, taken back later. `heal` ends everything, so that a run can be asked to converge. What each fault does stands in the files beside this one (`strikes.ts`).
 */
import type { SeededRandom } from '../../base/random.ts';
import type { Cluster, Member } from '../cluster.ts';
import type { Coverage } from '../coverage.ts';
import { calmConditions } from '../network.ts';
import type { FaultName } from './names.ts';

/** What a fault does when it strikes. False when there was nothing that it could be done to. */
export type Strike = (faults: FaultSchedule) => boolean;

/** Crashes and partitions are what the promises are most about. */
const weights: Partial<Record<FaultName, number>> = { crash: 5, powerLoss: 4, partition: 2, oneWayPartition: 2 };

export class FaultSchedule {
  readonly cluster: Cluster;
  readonly random: SeededRandom;
  readonly #strikes: Readonly<Record<FaultName, Strike>>;
  readonly #names: ReadonlySet<FaultName>;
  readonly #weighted: readonly FaultName[];
  /** True while an append of a client is under way. */
  readonly #writeInFlight: () => boolean;
  #running = false;
  #storm = true;
  /** Faults happen or are not taken back yet. */
  #lastTroubleMs = 0;
  /** No other fault strikes before this. */
  #quietUntilMs = 0;
  /** Of those that strike once in a run, those that have. */
  readonly #struck = new Set<FaultName>();
  /** When somebody was last struck, or a fault was taken back; not when a broker ended by itself. */
  #lastStrikeMs = 0;
  /** With a group that takes no part, and to be started again. */
  readonly #fenced = new Set<Member>();
  /** What takes back the faults that last, by what they are. */
  readonly #lasting = new Map<string, () => void>();

  constructor(cluster: Cluster, strikes: Readonly<Record<FaultName, Strike>>, faults: readonly FaultName[], writeInFlight: () => boolean) {
    this.cluster = cluster;
    this.#strikes = strikes;
    this.#names = new Set(faults);
    this.#weighted = faults.flatMap((fault) => Array.from({ length: weights[fault] ?? 1 }, () => fault));
    this.random = cluster.world.random.fork();
    this.#writeInFlight = writeInFlight;
    cluster.onDown = (member) => this.#restartLater(member);
    cluster.onFenced = (member) => this.#seesFence(member);
  }

  get coverage(): Coverage {
    return this.cluster.world.coverage;
  }

  get running(): boolean {
    return this.#running;
  }

  has(fault: FaultName): boolean {
    return this.#names.has(fault);
  }

  begin(): void {
    this.#running = true;
    if (this.#weighted.length === 0) return;
    this.after(500 + this.random.below(2000), () => this.#next());
    this.#changeWeather();
  }

  /** Since when nothing has been wrong: every broker that can be up is up and nothing is in its way. Null while something is. */
  calmSinceMs(): number | null {
    const { members } = this.cluster;
    const isWell =
      this.#lasting.size === 0 &&
      this.#fenced.size === 0 &&
      members.every((member) => this.cluster.isDamaged(member) || member.broker !== null);
    if (!isWell) this.#lastTroubleMs = this.cluster.nowMs;
    return isWell ? this.#lastTroubleMs : null;
  }

  /** Since when nothing was done to anybody but this fault, which lasts. Null while it does not, or others do. */
  onlySinceMs(fault: FaultName): number | null {
    const isAlone = this.#lasting.size === 1 && this.#lasting.has(fault);
    return isAlone ? Math.max(this.#lastStrikeMs, this.cluster.lastKillMs) : null;
  }

  /** Ends all faults; dead brokers start again at once. */
  heal(): void {
    this.#running = false;
    this.cluster.recording?.note('healed', {});
    for (const undo of this.#lasting.values()) undo();
    this.#lasting.clear();
    const { world, members } = this.cluster;
    world.network.unblockAll();
    world.network.extraDelayMs.clear();
    world.network.lineRates.clear();
    Object.assign(world.network.conditions, calmConditions);
    for (const member of members) {
      member.machine.trap = null;
      member.machine.failingCalls = [];
      this.cluster.start(member);
    }
  }

  /** Later, unless the faults are over by then. */
  after(delayMs: number, run: () => void): void {
    this.cluster.world.scheduler.schedule(delayMs, 'fault', 0, () => {
      if (this.#running) run();
    });
  }

  /** Applies a fault and takes it back after a while; an earlier one of the same name is taken back first. */
  last(name: string, durationMs: number, apply: () => void, undo: () => void): void {
    this.#lasting.get(name)?.();
    this.#lastStrikeMs = this.cluster.nowMs;
    this.cluster.recording?.note('begins', { what: name, durationMs });
    apply();
    this.#lasting.set(name, undo);
    this.after(durationMs, () => {
      if (this.#lasting.get(name) !== undo) return;
      this.#lasting.delete(name);
      this.cluster.recording?.note('ends', { what: name });
      undo();
      this.#lastTroubleMs = this.cluster.nowMs;
      this.#lastStrikeMs = this.cluster.nowMs;
    });
  }

  /** Mostly short, now and then long. */
  durationMs(most: number): number {
    return 20 + this.random.below(Math.max(1, most >> this.random.below(6)));
  }

  anyMember(): Member {
    return this.random.pick(this.cluster.members);
  }

  shuffled<Value>(values: readonly Value[]): Value[] {
    const order = [...values];
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.random.below(i + 1);
      [order[i], order[j]] = [order[j] as Value, order[i] as Value];
    }
    return order;
  }

  /** True once in a run for each fault. */
  isFirst(fault: FaultName): boolean {
    if (this.#struck.has(fault)) return false;
    this.#struck.add(fault);
    return true;
  }

  hasStruck(fault: FaultName): boolean {
    return this.#struck.has(fault);
  }

  /** Leaves the brokers alone with what was just done to them. */
  standBack(durationMs: number): void {
    this.#quietUntilMs = this.cluster.nowMs + durationMs;
  }

  #changeWeather(): void {
    this.after(8_000 + this.random.below(12_000), () => {
      this.#storm = this.random.chance(0.75);
      this.#changeWeather();
    });
  }

  #next(): void {
    if (this.#storm && this.cluster.nowMs >= this.#quietUntilMs) {
      const fault = this.random.pick(this.#weighted);
      const inFlight = this.#writeInFlight();
      if (this.#strikes[fault](this)) {
        this.#lastTroubleMs = this.cluster.nowMs;
        this.#lastStrikeMs = this.cluster.nowMs;
        this.coverage.reach(`fault.${fault}`);
        this.cluster.recording?.note('fault', { fault });
        if (inFlight) this.coverage.reach(`fault.${fault}.inFlight`);
      }
    }
    this.after(100 + this.random.below(1 << (8 + this.random.below(5))), () => this.#next());
  }

  /** Now and then a broker dies again while it reads what the last death left. */
  #crashWhileOpening(member: Member): void {
    const powerLoss = this.has('powerLoss') && this.random.chance(0.5);
    if (!this.#running || !this.has(powerLoss ? 'powerLoss' : 'crash') || !this.random.chance(0.25)) return;
    this.coverage.reach('crash.whileOpening');
    member.machine.trap = {
      operation: null,
      phase: this.random.pick(['before', 'during', 'after'] as const),
      countdown: 1 + this.random.below(60),
      powerLoss,
    };
  }

  /** A group was fenced though the disk is sound: it had refused a read. Whoever runs the cluster does what the broker says, and starts it again. */
  #seesFence(member: Member): void {
    if (this.cluster.isDamaged(member) || this.#fenced.has(member)) return;
    this.#fenced.add(member);
    this.cluster.world.scheduler.schedule(this.#running ? this.durationMs(4000) : 200, 'lifecycle', member.id, () => {
      this.#fenced.delete(member);
      this.cluster.kill(member, false);
    });
  }

  #restartLater(member: Member): void {
    this.#lastTroubleMs = this.cluster.nowMs;
    // One that is refused for its disk has come back often enough.
    if (!this.#running && this.cluster.watch.nodeIdentity.isImpostor(member.id)) return;
    const delayMs = this.#running ? this.durationMs(4000) : 200;
    this.cluster.world.scheduler.schedule(delayMs, 'lifecycle', member.id, () => {
      if (this.cluster.isUp(member)) return;
      this.cluster.start(member);
      this.#crashWhileOpening(member);
    });
  }
}
