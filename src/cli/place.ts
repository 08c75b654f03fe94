import { type Command, InvalidArgumentError } from 'commander';
import { LogError } from '../eventlog/log-error.ts';
import type { StartAt } from '../eventlog/subscriptions.ts';
import { integer, time } from './options.ts';

export interface PlaceOptions {
  readonly from?: StartAt;
  readonly since?: number;
}

/** Where a cursor begins, or is put. */
export function addPlaceOptions(command: Command, usual: string): Command {
  return command
    .option('--from <place>', `"start" or "beginning", "end", or an offset${usual}`, parsePlace)
    .option('--since <time>', 'the first record of this time or later: 2026-11-21T10:00:00Z, or 15m, 2h, 7d ago', (text) => time(text));
}

function parsePlace(text: string): StartAt {
  if (text === 'start' || text === 'beginning') return { at: 'beginning' };
  if (text === 'end') return { at: 'end' };
  try {
    return { at: 'offset', offset: integer(0)(text) };
  } catch {
    throw new InvalidArgumentError('It is "start", "end" or an offset from 0 on.');
  }
}

/** Null where nothing is said. */
export function placeOf({ from, since }: PlaceOptions, doing: string): StartAt | null {
  if (from !== undefined && since !== undefined) throw new LogError('usage', `Cannot ${doing}: --from and --since exclude each other`);
  return since === undefined ? (from ?? null) : { at: 'time', ms: since };
}
