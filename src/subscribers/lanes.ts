import { type Task, wait } from '../base/task.ts';
import { type Failed, failure } from './refusals.ts';

/** Of one worker. */
const pullsAtOnceMax = 16;
/** Of all subscribers, under way or waiting. */
const pullsMax = 20_000;

/** Of one worker of a subscriber. */
export interface Lane {
  pulls: number;
  isBusy: boolean;
  readonly next: (() => void)[];
}

/** Pulls under way: those of one worker take their turns, and of all there are only so many. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  #pulls = 0;

  /** By worker and subscriber; whoever was let in leaves again. */
  join(key: string, doing: string): Lane | Failed {
    if (this.#pulls >= pullsMax) return failure('overloaded', doing, `${pullsMax} pulls are under way already`);
    const lane = this.#lanes.get(key) ?? { pulls: 0, isBusy: false, next: [] };
    if (lane.pulls >= pullsAtOnceMax) return failure('overloaded', doing, `${pullsAtOnceMax} of its pulls are under way already`);
    this.#lanes.set(key, lane);
    lane.pulls++;
    this.#pulls++;
    return lane;
  }

  leave(key: string, lane: Lane): void {
    this.#pulls--;
    if (--lane.pulls === 0) this.#lanes.delete(key);
  }
}

/** Comes back when it is its turn, which `endTurn` ends. */
export function* beginTurn(lane: Lane): Task<void> {
  if (lane.isBusy) yield* wait<void>((done) => lane.next.push(done));
  lane.isBusy = true;
}

export function endTurn(lane: Lane): void {
  const next = lane.next.shift();
  if (next === undefined) lane.isBusy = false;
  else next();
}
