import { writeFileSync } from 'node:fs';
import { noBytes } from '../../../base/bytes.ts';
import { type Answer, LogError, type LogService, type Outcome, type ReadResult } from '../../../eventlog/index.ts';
import { forEachRecord } from '../../../record/index.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const readBytesMax = 4 * 1024 * 1024;

/**
 * The values of all visible records of `log` as this broker has them, in order, a line each: what `POST /exit` of contract 2 leaves behind. One that came
 * back from a crash `backForMs` ago (null: it did not) and has heard of no leader since asks first what it has missed; where no majority is left to tell
 * it, that takes as long as a read that cannot be made fresh.
 */
export function collectLogLines(log: Pick<LogService, 'read'>, backForMs: number | null, done: Answer<Uint8Array[]>): void {
  const lines: Uint8Array[] = [];
  const usual = { topic: 'log', sinceMs: null, bytesMax: readBytesMax, sessionOffset: 0, waitMs: 0 } as const;
  const take = (outcome: Outcome<ReadResult>): void => {
    if (!outcome.ok) {
      done(outcome);
      return;
    }
    const { batches, offsetNext, offsetFrom } = outcome.value;
    for (const batch of batches) {
      forEachRecord(batch, (record) => {
        if (record.offset >= offsetFrom) lines.push(escapeLine(record.value() ?? noBytes));
      });
    }
    if (offsetNext === offsetFrom) done({ ok: true, value: lines });
    else log.read({ ...usual, offsetFrom: offsetNext, freshness: 'local' }, take);
  };
  log.read({ ...usual, offsetFrom: null, freshness: 'local' }, (held) => {
    const isBehind = held.ok && backForMs !== null && (held.value.asOfMs >= backForMs || held.value.lag > 0);
    if (!isBehind) take(held);
    else log.read({ ...usual, offsetFrom: null, freshness: 'linearizable' }, (current) => take(current.ok ? current : held));
  });
}

/** An entry stays one line: line feeds and carriage returns become \n and \r. */
function escapeLine(value: Uint8Array): Uint8Array {
  if (!value.includes(lineFeed) && !value.includes(carriageReturn)) return Buffer.concat([value, Buffer.of(lineFeed)]);
  const text = Buffer.from(value).toString('latin1').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return Buffer.from(`${text}\n`, 'latin1');
}

/** Written and closed when this returns, since the process ends next. */
export function writeLogFile(path: string, lines: readonly Uint8Array[]): LogError | null {
  try {
    writeFileSync(path, Buffer.concat(lines as Uint8Array[]));
    return null;
  } catch (error) {
    return new LogError('dataUnusable', `Cannot write the log file ${path}: ${(error as Error).message}`, {}, { cause: error });
  }
}
