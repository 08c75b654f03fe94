import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LabBrokers, type LabBrokersOptions } from './brokers.ts';
import { check, type Check } from '../report/index.ts';
import { type Attempt, checkCopies, type Copy, type Damage } from './check-copies.ts';
import { Load, readCopy } from './load.ts';
import { Watchdog, within } from './watchdog.ts';

export interface LoadedRunOptions {
  readonly brokers: LabBrokersOptions;
  /** Appends in flight. */
  readonly workers: number;
  /** Longest time that an append may take. Longer than any election, restart and catch-up: a failed one says that something stands still. */
  readonly appendMsMax?: number;
  /** Where the raw data goes, and what the brokers said if the run goes wrong. Made when missing. */
  readonly folder: string;
  readonly standstillMs?: number;
}

export interface LoadedRun {
  readonly brokers: LabBrokers;
  readonly load: Load;
  readonly topic: string;
  readonly watchdog: Watchdog;
}

export interface LoadedRunResult<Value> {
  /** What the body gave. */
  readonly value: Value;
  readonly attempts: readonly Attempt[];
  readonly copies: readonly Copy[];
  readonly damage: Damage;
}

const TOPIC = 'log';
const APPEND_MS_MAX = 30_000;
/** Far longer than any election and restart on a busy machine. */
const STANDSTILL_MS = 120_000;

/**
 * What the labs that disturb brokers share: brokers of the lab's own under a load that keeps what it was told; `body` disturbs them and leaves all
 * of them running; then every broker is read back and compared with what was told. It ends by itself when nothing goes on any more, and leaves
 * the raw data, or what the brokers said when it went wrong.
 */
export async function runUnderLoad<Value>(
  options: LoadedRunOptions,
  body: (run: LoadedRun) => Promise<Value>,
): Promise<LoadedRunResult<Value>> {
  mkdirSync(options.folder, { recursive: true });
  const brokers = await LabBrokers.start(options.brokers);
  const watchdog = new Watchdog(options.standstillMs ?? STANDSTILL_MS, () => describeProcesses(brokers));
  const load = new Load({ brokers, topic: TOPIC, workers: options.workers, timeoutMs: options.appendMsMax ?? APPEND_MS_MAX, watchdog });
  try {
    return await watchdog.guard(
      (async () => {
        load.start();
        await load.acknowledgedAfter(performance.now());
        const value = await body({ brokers, load, topic: TOPIC, watchdog });
        watchdog.feed('the end of the load');
        await load.stop();
        const copies = await readCopies(brokers, watchdog);
        writeRaw(options.folder, load, copies);
        const damage = checkCopies(load.attempts, copies);
        if (countDamage(damage) > 0) await keepEvidence(brokers, options.folder);
        return { value, attempts: load.attempts, copies, damage };
      })(),
    );
  } catch (error) {
    await keepEvidence(brokers, options.folder);
    throw error;
  } finally {
    await brokers.end();
  }
}

async function readCopies(brokers: LabBrokers, watchdog: Watchdog): Promise<Copy[]> {
  watchdog.feed('the end of the log');
  const reader = brokers.client();
  const end = (await reader.end({ topic: TOPIC, freshness: 'linearizable' })).offset;
  reader.close();
  const copies: Copy[] = [];
  for (const id of brokers.ids) copies.push(await readCopy(brokers, id, TOPIC, end, watchdog));
  return copies;
}

function writeRaw(folder: string, load: Load, copies: readonly Copy[]): void {
  writeFileSync(path.join(folder, 'appends.ndjson'), load.attempts.map((attempt) => `${JSON.stringify(attempt)}\n`).join(''));
  for (const { broker, records } of copies) {
    writeFileSync(path.join(folder, `broker-${broker}.tsv`), records.map(({ offset, value }) => `${offset}\t${value}\n`).join(''));
  }
}

const EVIDENCE_MS_MAX = 2_000;

/** What the brokers said last and how they see themselves, for whoever has to find out. Their folder goes with them. */
async function keepEvidence(brokers: LabBrokers, folder: string): Promise<void> {
  for (const id of brokers.ids) {
    writeFileSync(path.join(folder, `broker-${id}.output`), brokers.output(id));
    const client = brokers.client([id], { timeoutMs: EVIDENCE_MS_MAX });
    const status = await within(EVIDENCE_MS_MAX, client.status()).catch((error: unknown) => ({ unreachable: String(error) }));
    client.close();
    writeFileSync(path.join(folder, `broker-${id}.status.json`), `${JSON.stringify(status, null, 1)}\n`);
  }
}

function describeProcesses(brokers: LabBrokers): string {
  const gone = brokers.ids.filter((id) => !brokers.isRunning(id));
  return gone.length === 0 ? 'all brokers run' : `broker ${gone.join(', ')} is gone`;
}

export const countDamage = (damage: Damage): number =>
  damage.lost + damage.moved + damage.doubled + damage.reordered + damage.ghosts + damage.differing;

/** What a run comes to, without the appends themselves; several runs can be added up. */
export interface RunFigures {
  readonly acknowledged: number;
  readonly copies: number;
  readonly damage: Damage;
  /** Acknowledgements at `quorum` that name fewer brokers than a majority, and the first few of them. */
  readonly namedTooFew: number;
  readonly namedTooFewExamples: readonly string[];
  /** Error codes of the load's own appends that failed. */
  readonly failures: readonly string[];
}

const EXAMPLES_MAX = 5;

const describeAttempt = ({ value, offset, term, ackedBy, sentMs, endedMs }: Attempt): string =>
  `${value} at ${String(offset)} in term ${String(term)} by ${ackedBy.join(', ') || 'nobody'} after ${Math.round(endedMs - sentMs)} ms`;

export function figuresOf({ attempts, copies, damage }: Omit<LoadedRunResult<unknown>, 'value'>): RunFigures {
  const majority = Math.floor(copies.length / 2) + 1;
  const acknowledged = attempts.filter((attempt) => attempt.offset !== null);
  const namedTooFew = acknowledged.filter((attempt) => attempt.ackedBy.length < majority);
  return {
    acknowledged: acknowledged.length,
    copies: copies.length,
    damage,
    namedTooFew: namedTooFew.length,
    namedTooFewExamples: namedTooFew.slice(0, EXAMPLES_MAX).map(describeAttempt),
    failures: attempts.flatMap(({ failure, isProbe }) => (failure === null || isProbe ? [] : [failure.code])),
  };
}

export function addFigures(all: readonly RunFigures[]): RunFigures {
  const sum = (figure: (each: RunFigures) => number): number => all.reduce((total, each) => total + figure(each), 0);
  return {
    acknowledged: sum((each) => each.acknowledged),
    copies: sum((each) => each.copies),
    damage: {
      lost: sum(({ damage }) => damage.lost),
      moved: sum(({ damage }) => damage.moved),
      doubled: sum(({ damage }) => damage.doubled),
      reordered: sum(({ damage }) => damage.reordered),
      ghosts: sum(({ damage }) => damage.ghosts),
      differing: sum(({ damage }) => damage.differing),
      examples: all.flatMap(({ damage }) => damage.examples),
    },
    namedTooFew: sum((each) => each.namedTooFew),
    namedTooFewExamples: all.flatMap((each) => each.namedTooFewExamples).slice(0, EXAMPLES_MAX),
    failures: all.flatMap((each) => each.failures),
  };
}

/** What every such run has to show. */
export function checkFigures(figures: RunFigures, copiesExpected: number): Check[] {
  const { acknowledged, copies, damage, namedTooFew, namedTooFewExamples, failures } = figures;
  return [
    check('appends acknowledged', acknowledged > 0, 'more than 0', acknowledged),
    check('copies read back', copies === copiesExpected, copiesExpected, copies),
    check('acknowledged and lost', damage.lost === 0, 0, damage.lost),
    check('acknowledged and moved', damage.moved === 0, 0, damage.moved),
    check('doubled', damage.doubled === 0, 0, damage.doubled),
    check('reordered', damage.reordered === 0, 0, damage.reordered),
    check('refused or never sent, and there', damage.ghosts === 0, 0, damage.ghosts),
    check('copies that differ', damage.differing === 0, 0, [damage.differing, ...damage.examples].join('; ')),
    check('acknowledgements that name no majority', namedTooFew === 0, 0, [namedTooFew, ...namedTooFewExamples].join('; ')),
    check('appends that failed', failures.length === 0, 0, [failures.length, ...new Set(failures)].join(' ')),
  ];
}
