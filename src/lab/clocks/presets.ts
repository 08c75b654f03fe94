import type { MachineFigures } from '../../clocks/index.ts';

/** The seed's nine trials (contract 5). Where its text gives no rates they are ours. */
export interface Preset {
  readonly rates: readonly number[];
  readonly range: number;
  readonly seconds: number;
  readonly claims: readonly Claim[];
}

/**
 * What the seed says of a trial. It is checked on the means of many virtual runs: one run alone may say the opposite by chance, and each run must be one
 * of those that these give.
 */
interface Claim {
  readonly name: string;
  readonly expected: string;
  /** A number, and whether it is as claimed. */
  judge(machines: readonly MachineFigures[]): { readonly got: string; readonly ok: boolean };
}

/** The mean queue of a machine that keeps up goes up and down by less. */
const growthLeast = 1;
const round = (value: number): number => Math.round(value * 100) / 100;
const slowestOf = (machines: readonly MachineFigures[]): MachineFigures =>
  machines.toSorted((a, b) => a.rate - b.rate)[0] as MachineFigures;
const leadingClock = (machines: readonly MachineFigures[]): number => Math.max(...machines.map(({ clock }) => clock));

/** Of all trials. */
const smoother: Claim = {
  name: 'the faster a machine, the smoother its clock',
  expected: 'no mean jump above that of a slower machine',
  judge(machines) {
    const sorted = machines.toSorted((a, b) => a.rate - b.rate);
    const wrong = sorted.filter((machine, index) => {
      const slower = sorted.slice(0, index).findLast(({ rate }) => rate < machine.rate);
      return slower !== undefined && machine.meanJump > slower.meanJump;
    });
    return { got: sorted.map(({ rate, meanJump }) => `${rate}/s: ${round(meanJump)}`).join(', '), ok: wrong.length === 0 };
  },
};

const growsWhereOverrun: Claim = {
  name: 'a queue grows only where more arrives than is taken',
  expected: 'no growing queue with fewer arrivals than ticks',
  judge(machines) {
    const growing = machines.filter(({ queue, queueAtHalf }) => queue - queueAtHalf > growthLeast);
    const wrong = growing.filter(({ lateArrivals, ticks }) => lateArrivals <= ticks / 2);
    const shown = growing.map(
      ({ rate, ticks, lateArrivals }) => `${rate}/s: ${round((lateArrivals / (ticks / 2)) * rate)} arrive a second`,
    );
    return { got: shown.length === 0 ? 'none grows' : shown.join(', '), ok: wrong.length === 0 };
  },
};

const leftBehind: Claim = {
  name: 'between two fast machines the slow one falls behind, and its queue fills up',
  expected: 'below 3/4 of the leading clock, more than 20 messages wait',
  judge(machines) {
    const { clock, queue } = slowestOf(machines);
    const part = clock / leadingClock(machines);
    return { got: `${round(part)} of the leading clock, ${round(queue)} wait`, ok: part < 0.75 && queue > 20 };
  },
};

const twiceAsLong: Claim = {
  name: 'in twice the time twice the queue',
  expected: 'ratio of end to half time: 2, give or take 10 %',
  judge(machines) {
    const slow = machines.filter(({ rate }) => rate === slowestOf(machines).rate);
    const sum = (pick: (machine: MachineFigures) => number): number => slow.reduce((total, machine) => total + pick(machine), 0);
    const ratio = sum(({ queue }) => queue) / sum(({ queueAtHalf }) => queueAtHalf);
    return { got: String(round(ratio)), ok: Math.abs(ratio - 2) <= 0.2 };
  },
};

const belowHalf: Claim = {
  name: 'the slow clock ends below half of the fast ones',
  expected: 'less than 0.5 of the leading clock',
  judge(machines) {
    const part = slowestOf(machines).clock / leadingClock(machines);
    return { got: String(round(part)), ok: part < 0.5 };
  },
};

const together: Claim = {
  name: 'with few messages the clocks end together',
  expected: 'the slow one within 12 % of the leading one',
  judge(machines) {
    const behind = 1 - slowestOf(machines).clock / leadingClock(machines);
    return { got: `${round(behind * 100)} %`, ok: behind <= 0.12 };
  },
};

const general = [smoother, growsWhereOverrun];

// biome-ignore format: a table
export const presets: readonly Preset[] = [
  { rates: [4, 2, 5], range: 10, seconds: 60, claims: general },
  { rates: [3, 5, 6], range: 10, seconds: 60, claims: general },
  { rates: [1, 3, 2], range: 10, seconds: 60, claims: general },
  { rates: [1, 3, 6], range: 10, seconds: 60, claims: general },
  { rates: [5, 1, 5], range: 10, seconds: 60, claims: [...general, leftBehind] },
  { rates: [1, 1, 6], range: 10, seconds: 120, claims: [...general, twiceAsLong] },
  { rates: [6, 6, 1], range: 5, seconds: 60, claims: [...general, leftBehind, belowHalf] },
  { rates: [3, 4, 5], range: 5, seconds: 60, claims: general },
  { rates: [5, 4, 1], range: 15, seconds: 60, claims: [...general, together] },
];
