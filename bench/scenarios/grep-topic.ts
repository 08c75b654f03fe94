/** A topic of lines, searched on one of its brokers, with and without the index, next to ripgrep by hand on the same lines in one file. */
import path from 'node:path';
import type { Looked } from '../../src/lab/grep/ask.ts';
import { ripgrepArguments } from '../../src/lab/grep/parties.ts';
import { runPiped } from '../../src/lab/grep/piped.ts';
import { Children, type LabBrokers } from '../../src/lab/rig/index.ts';
import { findPrograms, searchEnvironment } from '../../src/search/files/index.ts';
import { atLeast, atMost, digits, median, type Row, type Target } from '../figures.ts';
import type { Count, Scenario } from '../scenario.ts';
import { type Answered, askTopic } from '../searches/ask.ts';
import { bytesBelow, fillTopic, type LineTopic } from '../searches/topic.ts';
import type { World } from '../world.ts';

const scenario = 'grep-topic';
const ripgrepName = 'ripgrep by hand';

interface Asked extends Looked {
  readonly name: string;
  readonly index: boolean;
  /** Of ripgrep's bytes a second at least so many times; null: the figure is only stated. */
  readonly least: number | null;
}

const rare = { dialect: 'fixed', pattern: 'quixotry', counts: false } as const;
const rareExpression = { dialect: 'extended', pattern: '[a-z]+ quixotr[a-z] [a-z]+', counts: false } as const;
const frequentExpression = { dialect: 'extended', pattern: 'uni(que|fied) [a-m]', counts: true } as const;

const all: readonly Asked[] = [
  { ...rare, name: 'a rare literal', index: true, least: 2 },
  { ...rare, name: 'a rare literal', index: false, least: 0.2 },
  { ...rareExpression, name: 'an expression with a rare literal', index: true, least: null },
  { ...rareExpression, name: 'an expression with a rare literal', index: false, least: 0.2 },
  { ...rare, counts: true, name: 'a rare literal, -c', index: true, least: null },
  { ...frequentExpression, name: 'a frequent expression, -c', index: true, least: null },
];

const shownName = ({ name, index }: Asked): string => `${name}, ${index ? 'with' : 'without'} the index`;

export const grepTopicScenario: Scenario = {
  name: scenario,
  about: 'a topic searched on a broker, with and without the index, next to ripgrep by hand on the same lines in one file',
  onlyWhenNamed: true,
  section: 'grep',
  run: async (world) => {
    await world.quiet();
    const brokers = await world.startBrokers();
    const children = new Children();
    try {
      const place = await fillTopic(world, brokers, world.settings.topicBytes, scenario);
      return await measure(world, brokers, children, place);
    } finally {
      await children.end();
      await brokers.end();
    }
  },
};

async function measure(world: World, brokers: LabBrokers, children: Children, place: LineTopic) {
  const { rounds, say } = world.settings;
  const { ripgrep } = await findPrograms();
  const url = brokers.url(place.follower);
  const ask = (looked: Looked, index: boolean): Promise<Answered> => askTopic(children, url, place.topic, looked, { index });
  const byHand = async (looked: Looked): Promise<number> => {
    if (ripgrep === null) return Number.NaN;
    const args = [...ripgrepArguments(looked), '-e', looked.pattern, '--', place.file];
    return (await runPiped(children, { command: ripgrep, args, env: searchEnvironment, folder: world.folder })).ms;
  };

  // The thread starts, and its code is compiled, with a search that makes no index; then comes the one that makes it.
  for (let warmUp = 0; warmUp < 2; warmUp++) await ask(rare, false);
  const first = await ask(rare, true);
  say(`${scenario}: the index is made in ${Math.round(first.ms)} ms`);
  const times = new Map<Asked, { readonly own: number[]; readonly ripgrep: number[]; last: Answered }>();
  const counts: Count[] = [];
  for (let round = 0; round <= rounds; round++) {
    for (const asked of all) {
      const last = await ask(asked, asked.index);
      const byHandMs = await byHand(asked);
      // The first of each is a warm-up.
      const own = times.get(asked) ?? { own: [], ripgrep: [], last };
      if (round > 0) {
        own.own.push(last.ms);
        own.ripgrep.push(byHandMs);
      }
      times.set(asked, { ...own, last });
      if (asked.pattern === rare.pattern && round === rounds) {
        const found = { of: `${scenario}, lines with ${asked.pattern}, ${shownName(asked)}`, readBack: last.part.selected ?? 0 };
        counts.push({ ...found, acknowledged: place.written.counts.quixotry });
      }
    }
    say(`${scenario}, round ${round} of ${rounds}`);
  }
  const index = indexCost(brokers, place);
  return {
    rows: [
      rowOf('a rare literal, the first time: it makes the index', [first.ms], [], place, first),
      ...all.flatMap((asked) => {
        const own = times.get(asked);
        return own === undefined ? [] : [rowOf(shownName(asked), own.own, own.ripgrep, place, own.last)];
      }),
      index.row,
    ],
    targets: [...all.flatMap((asked) => targetOf(asked, times.get(asked))), index.target],
    counts,
    notes: [
      ...(ripgrep === null ? ['ripgrep is not installed: nothing to compare with'] : []),
      'An append makes nothing of the index: the first search of a sealed segment does, in the thread that searches.',
    ],
  };
}

function rowOf(party: string, own: readonly number[], ripgrep: readonly number[], { written }: LineTopic, { part }: Answered): Row {
  const perSecond = (ms: number): number => written.bytes / ms / 1000;
  const [ownMs, ripgrepMs] = [median(own), ripgrep.length === 0 ? null : median(ripgrep)];
  return {
    scenario,
    'looked for': party,
    ms: ownMs,
    'MB/s': perSecond(ownMs),
    [`${ripgrepName}, ms`]: ripgrepMs,
    [`${ripgrepName}, MB/s`]: ripgrepMs === null ? null : perSecond(ripgrepMs),
    'bytes/s to ripgrep': ripgrepMs === null ? null : ratioOf(own, ripgrep),
    lines: part.selected,
    'MB read': (part.topic?.stats?.bytesRead ?? 0) / 1e6,
    'MB left out': (part.topic?.stats?.bytesSkipped ?? 0) / 1e6,
  };
}

const ratioOf = (own: readonly number[], ripgrep: readonly number[]): number =>
  median(own.map((ms, round) => (ripgrep[round] ?? Number.NaN) / ms));

function targetOf(asked: Asked, times: { readonly own: readonly number[]; readonly ripgrep: readonly number[] } | undefined): Target[] {
  if (asked.least === null || times === undefined || Number.isNaN(times.ripgrep[0])) return [];
  return [atLeast(`topic, ${shownName(asked)}: bytes/s to those of ripgrep by hand`, ratioOf(times.own, times.ripgrep), asked.least)];
}

/** Of the broker that was searched. */
function indexCost(brokers: LabBrokers, { follower }: LineTopic): { readonly row: Row; readonly target: Target } {
  const folder = brokers.dataFolder(follower);
  const segments = bytesBelow(path.join(folder, 'groups'), '.log');
  const index = bytesBelow(path.join(folder, 'search-index'), '.grams');
  const percent = (index / segments) * 100;
  return {
    row: { scenario, party: 'the index', 'segments MB': segments / 1e6, 'index MB': index / 1e6, 'index, % of the segments': percent },
    target: atMost(`topic: the index on the disk, of ${digits(segments / 1e6)} MB of segments`, percent, 3, ' %'),
  };
}
