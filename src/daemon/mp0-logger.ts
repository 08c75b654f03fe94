/**
 * The logger of contract 1 as its course starts it. `compat/mp0/logger` replaces itself by
 *
 *     node dist/daemon/mp0-logger.js PORT
 *
 * It listens on all addresses, prints to standard output, says everything else on standard error, and leaves its timeline in the working directory.
 */
import { errorCatalogue } from '../base/errors.ts';
import { LogError } from '../eventlog/log-error.ts';
import { defaultLineSettings } from '../gateway/lines/settings.ts';
import { isAtTerminal } from './at-terminal.ts';
import { startLogger } from './collect/logger.ts';
import { LogSink } from './log-sink.ts';

const diagnostics = new LogSink(null);
const say = (line: string): void => diagnostics.write(`${line}\n`);
const fail = (error: LogError): never => {
  say(error.message);
  return process.exit(errorCatalogue[error.code].exitCode);
};

const [portText = '', ...more] = process.argv.slice(2);
const port = /^\d{1,5}$/.test(portText) ? Number(portText) : -1;
if (port < 1 || port > 65_535 || more.length > 0)
  fail(new LogError('usage', 'Cannot start the logger: usage: logger PORT, a number from 1 to 65535'));

try {
  const logger = await startLogger({
    port,
    host: null,
    topic: null,
    timeline: 'default',
    scenario: null,
    lineBytesMax: defaultLineSettings.lineBytesMax,
    output: 1,
    say,
    onFatal: fail,
  });
  const end = (): void => void logger.stop().then(() => process.exit(0));
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  process.on('SIGHUP', isAtTerminal() ? end : () => undefined);
} catch (error) {
  if (!(error instanceof LogError)) throw error;
  fail(error);
}
