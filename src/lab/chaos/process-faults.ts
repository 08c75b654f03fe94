import { pause } from '../rig/index.ts';
import type { Fault, Field, Injected } from './fault.ts';

/** Processes that are killed, and processes that stop for a while and do not know it. */
export const processFaults: readonly Fault[] = [
  kill('kill-leader', ({ leader }) => [leader]),
  kill('kill-follower', ({ followers, random }) => [random.pick(followers)]),
  kill('kill-majority', (field) => {
    // The leader mostly among them.
    const all = shuffled(field.followers, field);
    const others = field.random.chance(0.7) ? [field.leader, ...all] : [...all, field.leader];
    return others.slice(0, Math.floor(field.brokers.ids.length / 2) + 1);
  }),
  kill('kill-all', ({ brokers }) => brokers.ids),
  stop('pause-leader', ({ leader }) => leader),
  stop('pause-follower', ({ followers, random }) => random.pick(followers)),
  {
    name: 'clock-jump',
    family: 'clock',
    tools: ['faketime'],
    async inject({ random, brokers, clocks }) {
      const id = random.pick(brokers.ids);
      const seconds = random.pick([-86_400, -3600, -5, 5, 3600, 86_400]);
      clocks?.set(id, seconds);
      // Longer than faketime caches what it read, so that appends meet it.
      await pause(random.between(1200, 2500));
      const comesBack = random.chance(0.5);
      if (comesBack) clocks?.set(id, 0);
      return { brokers: [id], kills: 0, note: `${seconds > 0 ? '+' : ''}${seconds} s${comesBack ? ' and back' : ''}` };
    },
  },
];

const DOWN_MS_MAX = 400;

function kill(name: string, choose: (field: Field) => readonly number[]): Fault {
  return {
    name,
    family: 'kill',
    tools: [],
    async inject(field): Promise<Injected> {
      const ids = choose(field);
      await Promise.all(ids.map((id) => field.brokers.kill(id, 'SIGKILL')));
      await pause(field.random.between(0, DOWN_MS_MAX));
      return { brokers: ids, kills: ids.length };
    },
  };
}

const PAUSE_MS_MAX = 30_000;
const LONGEST_EACH = 8;

function stop(name: string, choose: (field: Field) => number): Fault {
  return {
    name,
    family: 'pause',
    tools: [],
    async inject(field) {
      const id = choose(field);
      // Mostly so long that another is elected; of a campaign's first few one is the longest.
      const isLongest = field.index % LONGEST_EACH === 1;
      const ms = isLongest ? PAUSE_MS_MAX : field.random.chance(0.75) ? field.random.between(1000, 2500) : field.random.between(2500, 6000);
      field.watchdog.feed(`a pause of broker ${id} for ${ms} ms`);
      field.brokers.signal(id, 'SIGSTOP');
      await pause(ms);
      field.brokers.signal(id, 'SIGCONT');
      return { brokers: [id], kills: 0, note: `${(ms / 1000).toFixed(1)} s` };
    },
  };
}

function shuffled(ids: readonly number[], { random }: Field): readonly number[] {
  return ids
    .map((id) => ({ id, at: random.float() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ id }) => id);
}
