import type { Logger, LogLevel } from '../host/index.ts';
import { LogSink } from './log-sink.ts';

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A logger whose file can be taken away from it. */
export interface DaemonLogger extends Logger {
  /** Goes on in a new file of the same name. */
  reopen(): void;
}

/** Diagnostics as JSON lines through pino, to a file or stderr. Errors are written before the process can end. */
export async function openLogger(
  level: LogLevel,
  file: string | null,
  base: Readonly<Record<string, unknown>>,
  sink = new LogSink(file),
): Promise<DaemonLogger> {
  const { default: pino } = await import('pino');
  const log = pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } }, sink);
  let toldCount = 0;
  return {
    get droppedCount() {
      return sink.droppedCount;
    },
    reopen: () => sink.reopen(),
    log(lineLevel, event, fields) {
      const before = sink.droppedCount;
      log[lineLevel]({ event, ...fields });
      if (before === toldCount || sink.droppedCount > before) return;
      // There is space again.
      log.warn({ event: 'linesDropped', count: before - toldCount });
      toldCount = before;
    },
  };
}

/** For processes that must start quickly and say little: one line of text on stderr for what is worth a warning. */
export function stderrLogger(least: LogLevel): DaemonLogger {
  const sink = new LogSink(null);
  return {
    get droppedCount() {
      return sink.droppedCount;
    },
    reopen: () => sink.reopen(),
    log(level, event, fields) {
      if (ranks[level] < ranks[least]) return;
      sink.write(`cairn: ${event}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}\n`);
    },
  };
}
