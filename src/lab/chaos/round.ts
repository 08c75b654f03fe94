import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SeededRandom } from '../../base/random.ts';
import { exitCodes } from '../../base/errors.ts';
import { LogError } from '../../eventlog/index.ts';
import type { CheckReport } from '../../sim/checkers/verdict.ts';
import {
  type ExitOfChild,
  figuresOf,
  findLeader,
  type LoadedRun,
  pause,
  type RunFigures,
  runUnderLoad,
  type Surroundings,
} from '../rig/index.ts';
import { checkEndReads, EndReaders } from './end-readers.ts';
import type { Family, Fault, Field, Injected } from './fault.ts';
import { LinkProxy } from './link-proxy.ts';
import type { Tools } from './tools.ts';
import { WallClocks } from './wall-clocks.ts';

export interface RoundOptions {
  readonly faults: readonly Fault[];
  readonly brokers: number;
  readonly workers: number;
  readonly random: SeededRandom;
  readonly tools: Tools;
  readonly folder: string;
  /** By `performance.now()`: after it no further fault begins. */
  readonly untilMs: number;
  /** How often each fault has been injected; counted on. */
  readonly counts: Map<string, number>;
  readonly onFault: (record: FaultRecord) => void;
}

/** One fault, and what came of it. */
export interface FaultRecord extends Injected {
  readonly fault: string;
  readonly family: Family;
  /** By `performance.now()`. */
  readonly startedMs: number;
  /** Appends under way when it began. */
  readonly inFlight: number;
  /** From its beginning to the answer of the first append that was sent after it began. */
  readonly acknowledgedMs: number;
  /** From its end until every broker had all that was acknowledged by then. */
  readonly convergedMs: number;
  /** Brokers that were gone after it. */
  readonly exits: readonly (ExitOfChild & { readonly broker: number })[];
}

export interface RoundResult {
  readonly figures: RunFigures;
  /** When each acknowledgement came, by `performance.now()`. */
  readonly acknowledgedMs: readonly number[];
  readonly endReads: number;
  readonly endReadsUnanswered: number;
  readonly staleReads: CheckReport;
}

/** Faults one after another on one cluster of its own, then the comparison of what was told with what every broker holds. */
export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const proxy = new LinkProxy();
  const special = new Map<number, Surroundings>();
  const clockFolder = mkdtempSync(path.join(tmpdir(), 'cairn-clocks-'));
  const library = options.tools.faketimeLibrary;
  const ids = Array.from({ length: options.brokers }, (_, index) => index + 1);
  const clocks = library === null ? null : new WallClocks(library, clockFolder, ids);
  const surroundings = (id: number): Surroundings => {
    const { command = [], env = {} } = special.get(id) ?? {};
    return { command, env: { ...clocks?.env(id), ...env } };
  };
  const startIn: Field['startIn'] = (id, set) => void (set === null ? special.delete(id) : special.set(id, set));
  const brokers = { count: options.brokers, route: (addresses: ReadonlyMap<number, string>) => proxy.listen(addresses), surroundings };
  try {
    const result = await runUnderLoad({ brokers, workers: options.workers, folder: options.folder }, async (run) => {
      const readers = new EndReaders(run);
      for (const fault of options.faults) {
        if (performance.now() > options.untilMs) break;
        options.onFault(await injectOnce(fault, run, { proxy, clocks, startIn }, options));
      }
      run.watchdog.feed('the end of the readers');
      await readers.stop();
      return readers;
    });
    const { reads, unanswered } = result.value;
    return {
      figures: figuresOf(result),
      acknowledgedMs: result.attempts.flatMap(({ offset, endedMs }) => (offset === null ? [] : [endedMs])),
      endReads: reads.length,
      endReadsUnanswered: unanswered,
      staleReads: checkEndReads(result.attempts, reads),
    };
  } finally {
    await proxy.close();
    rmSync(clockFolder, { recursive: true, force: true });
  }
}

async function injectOnce(
  fault: Fault,
  run: LoadedRun,
  means: Pick<Field, 'proxy' | 'clocks' | 'startIn'>,
  options: RoundOptions,
): Promise<FaultRecord> {
  const { brokers, load, watchdog, topic } = run;
  watchdog.feed(`the leader before ${fault.name}`);
  await pause(options.random.between(50, 400));
  const leader = await findLeader(brokers, topic);
  const followers = shuffleIds(brokers.ids, options.random).filter((id) => id !== leader);
  while (load.inFlight === 0) await pause(1);

  watchdog.feed(fault.name);
  const startedMs = performance.now();
  const inFlight = load.inFlight;
  const acknowledged = load.acknowledgedAfter(startedMs);
  const index = options.counts.get(fault.name) ?? 0;
  options.counts.set(fault.name, index + 1);
  const injected = await fault.inject({ ...run, ...means, random: options.random, leader, followers, index });
  const overMs = performance.now();
  const exits = await startAgain(run, options.folder);
  watchdog.feed(`the next acknowledgement after ${fault.name}`);
  const first = await acknowledged;
  watchdog.feed(`all brokers having everything after ${fault.name}`);
  await converge(run, fault.name, async () => void exits.push(...(await startAgain(run, options.folder))));
  const times = { startedMs, acknowledgedMs: first.endedMs - startedMs, convergedMs: performance.now() - overMs };
  return { fault: fault.name, family: fault.family, inFlight, ...times, exits, ...injected };
}

async function startAgain({ brokers, watchdog }: LoadedRun, folder: string): Promise<(ExitOfChild & { readonly broker: number })[]> {
  const gone = brokers.ids.filter((id) => !brokers.isRunning(id));
  const exits = await Promise.all(gone.map(async (id) => ({ broker: id, ...(await brokers.exitOf(id)) })));
  for (const exit of exits) {
    if (isAsked(exit)) continue;
    writeFileSync(path.join(folder, `broker-${exit.broker}-ended-${Date.now()}.output`), brokers.output(exit.broker));
  }
  watchdog.feed(`the start of broker ${gone.join(', ')}`);
  await Promise.all(gone.map((id) => brokers.restart(id)));
  return exits;
}

/** By our SIGKILL, or because its disk failed it. Anything else is a defect. */
export const isAsked = (exit: ExitOfChild): boolean => exit.signal === 'SIGKILL' || exit.code === exitCodes.io;

/** Far longer than any restart and catch-up on a busy machine. */
const CONVERGE_MS_MAX = 60_000;

/** Until every broker shows by itself whatever the cluster had acknowledged when this began. Some end only after the fault: they start again too. */
async function converge({ brokers, topic, watchdog }: LoadedRun, fault: string, startGone: () => Promise<void>): Promise<void> {
  const untilMs = performance.now() + CONVERGE_MS_MAX;
  const any = brokers.client(brokers.ids, { timeoutMs: CONVERGE_MS_MAX });
  const { offset } = await any.end({ topic, freshness: 'linearizable' });
  any.close();
  const catchUp = async (id: number): Promise<void> => {
    const client = brokers.client([id]);
    for (let at = 0; at < offset && !watchdog.hasBarked; ) {
      at = await client.end({ topic, freshness: 'local' }).then(
        (own) => own.offset,
        () => at,
      );
      if (at < offset && performance.now() > untilMs) {
        const state = `broker ${id} is at ${at} of ${offset} ${CONVERGE_MS_MAX / 1000} s after it was over`;
        throw new LogError('checkFailed', `Cannot go on after ${fault}: ${state}`);
      }
      await pause(20);
    }
    client.close();
  };
  let isStarting = false;
  const watch = setInterval(() => {
    if (isStarting || brokers.ids.every((id) => brokers.isRunning(id))) return;
    isStarting = true;
    void startGone()
      .catch((error: unknown) => watchdog.fail(error))
      .finally(() => (isStarting = false));
  }, 100);
  try {
    await Promise.all(brokers.ids.map(catchUp));
  } finally {
    clearInterval(watch);
  }
}

function shuffleIds(ids: readonly number[], random: SeededRandom): readonly number[] {
  return ids
    .map((id) => ({ id, at: random.float() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ id }) => id);
}
