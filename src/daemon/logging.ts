import type { Logger, LogLevel } from '../host/index.ts';

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Diagnostics as JSON lines through pino, to a file or stderr. Errors are written before the process can end. */
export async function openLogger(level: LogLevel, file: string | null, base: Readonly<Record<string, unknown>>): Promise<Logger> {
  const { default: pino } = await import('pino');
  const destination = pino.destination({ dest: file ?? 2, sync: true, mkdir: true });
  const log = pino(
    { level, base, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    destination,
  );
  return { log: (lineLevel, event, fields) => log[lineLevel]({ event, ...fields }) };
}

/** For processes that must start quickly and say little: one line of text on stderr for what is worth a warning. */
export function stderrLogger(least: LogLevel): Logger {
  return {
    log(level, event, fields) {
      if (ranks[level] < ranks[least]) return;
      process.stderr.write(`cairn: ${event}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}\n`);
    },
  };
}
