import type { Command } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { Client } from '../client/index.ts';
import { LogError } from '../eventlog/index.ts';
import { addExamples, ExitWith } from './command.ts';
import { type CliIo, write } from './io.ts';
import { addConnectOptions, type ConnectOptions, integer, jsonOption, readConnectOptions } from './options.ts';
import { table } from './table.ts';
import { addressesOf } from './traces/collect.ts';

interface SkewOptions extends ConnectOptions {
  readonly samples: number;
  readonly json?: boolean;
}

/** How far a clock is ahead of another: what is certain is `low` to `high`. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** One question for the time: when it was asked and answered by the own clock, and the whole ms that the other one showed in between. */
export interface Sample {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly wallMs: number;
}

/**
 * What the samples say together (RFC 5905 §8 for one of them): the other clock was read between the question and the answer, and shows whole milliseconds
 * only. Each sample bounds its offset, and what all of them leave is kept. Null where they leave nothing: a clock was set meanwhile.
 */
export function boundsOf(samples: readonly Sample[]): Bounds | null {
  const low = Math.max(...samples.map(({ wallMs, answeredMs }) => wallMs - answeredMs));
  const high = Math.min(...samples.map(({ wallMs, askedMs }) => wallMs + 1 - askedMs));
  return low <= high ? { low, high } : null;
}

/** How far `of` is ahead of `than`, where both are known against a third clock. */
export const between = (of: Bounds, than: Bounds): Bounds => ({ low: of.low - than.high, high: of.high - than.low });

export function define(command: Command, io: CliIo): void {
  command
    .description(
      'Measure how far the wall clocks of the brokers are apart: each is asked for its time again and again, and the quickest answers bound the offset. ' +
        'The error is half of what the bounds leave; an offset of less than its error may be none.',
    )
    .option('--samples <count>', 'how often each broker is asked', integer(1, 1000), 20)
    .addOption(jsonOption('the offsets'))
    .action(async (options: SkewOptions) => {
      const measured = await measureAll(options, io);
      const missing = measured.filter(({ bounds }) => bounds === null).map(({ id, why }) => `broker ${id}: ${why}`);
      const rows = rowsOf(measured);
      await write(io.stdout, options.json === true ? `${JSON.stringify({ brokers: rows, missing })}\n` : formatRows(rows));
      for (const each of missing) await write(io.stderr, `${each}\n`);
      if (missing.length > 0) throw new ExitWith(exitCodes.failed);
    });
  addConnectOptions(command);
  command.addHelpText('after', '\nExit code 1 when a broker does not answer; the others are measured all the same.');
  addExamples(command, [
    { command: 'cairn skew', does: 'of the brokers on this machine' },
    { command: 'cairn skew --samples 100 --json', does: 'closer, and for programs' },
  ]);
}

interface Measured {
  readonly id: number;
  readonly bounds: Bounds | null;
  readonly why: string;
}

async function measureAll(options: SkewOptions, io: CliIo): Promise<readonly Measured[]> {
  const measured: Measured[] = [];
  // One after the other: their answers would wait for one another here, which only widens the bounds.
  for (const { id, server } of await addressesOf(options, io)) {
    const client = new Client({ ...readConnectOptions(options, io), servers: [server], discover: false, timeoutMs: 3000 });
    try {
      const bounds = boundsOf(await sample(client, options.samples));
      measured.push({ id, bounds, why: 'its clock, or the one here, was set while it was measured' });
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      measured.push({ id, bounds: null, why: error.message });
    } finally {
      client.close();
    }
  }
  return measured;
}

async function sample(client: Client, count: number): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (let left = count; left > 0; left--) {
    const askedMs = nowMs();
    const wallMs = await client.wallMs();
    samples.push({ askedMs, answeredMs: nowMs(), wallMs });
  }
  return samples;
}

/** This machine's time when the program began, and what has passed since by a clock that nobody sets. */
const nowMs = (): number => performance.timeOrigin + performance.now();

interface Row {
  readonly id: number;
  /** Of the first broker that answered: by how much this one is ahead. */
  readonly aheadMs: number;
  readonly errorMs: number;
  readonly aheadOfThisMachineMs: number;
  readonly errorOfThisMachineMs: number;
}

function rowsOf(measured: readonly Measured[]): readonly Row[] {
  const known = measured.flatMap(({ id, bounds }) => (bounds === null ? [] : [{ id, bounds }]));
  const [first] = known;
  if (first === undefined) return [];
  return known.map(({ id, bounds }) => {
    const ofFirst = id === first.id ? { low: 0, high: 0 } : between(bounds, first.bounds);
    return {
      id,
      aheadMs: middle(ofFirst),
      errorMs: half(ofFirst),
      aheadOfThisMachineMs: middle(bounds),
      errorOfThisMachineMs: half(bounds),
    };
  });
}

const middle = ({ low, high }: Bounds): number => hundredths((low + high) / 2);
const half = ({ low, high }: Bounds): number => hundredths((high - low) / 2);
const hundredths = (ms: number): number => Math.round(ms * 100) / 100;

function formatRows(rows: readonly Row[]): string {
  const first = rows[0]?.id ?? 0;
  return table(
    ['broker', `ahead of broker ${first}`, 'error', 'ahead of this machine', 'error'],
    rows.map(({ id, aheadMs, errorMs, aheadOfThisMachineMs, errorOfThisMachineMs }) => [
      String(id),
      `${aheadMs.toFixed(2)} ms`,
      `± ${errorMs.toFixed(2)}`,
      `${aheadOfThisMachineMs.toFixed(2)} ms`,
      `± ${errorOfThisMachineMs.toFixed(2)}`,
    ]),
    ['right', 'right', 'right', 'right', 'right'],
  );
}
