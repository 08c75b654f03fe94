/**
 * The process of a broker, or of a server that only searches, from its first to its last moment: signals, exit codes, the supervisor's death. Used by `cairn serve` and by the children of
 * `cairn up`.
 */
import { errorCatalogue, exitCodes } from '../base/errors.ts';
import { LogError } from '../eventlog/index.ts';
import type { DaemonConfig } from './config.ts';
import type { Daemon } from './lifecycle.ts';
import type { DaemonLogger } from './logging.ts';
import { giveMemoryBackAtRest } from './rest.ts';

export interface ServeHooks {
  readonly onListening?: (port: number) => void;
  readonly onReady?: () => void;
  /** Says why the process ends, for a person or for the supervisor; it ends when `done` is called. */
  readonly onFatal: (error: LogError, done: () => void) => void;
  /** A child of `cairn up`: Ctrl-C is the supervisor's business, and its death ends the child. */
  readonly supervised?: boolean;
  /** Its death does not end the child, whose business Ctrl-C is from then on. */
  readonly outlivesSupervisor?: boolean;
  /** It was started at a terminal: the end of that (SIGHUP) is its own. Otherwise that signal means the log file alone. */
  readonly endsWithTerminal?: boolean;
}

const graceMs = 3_000;
/** Whatever hangs, the process is gone before the supervisor's five seconds are over. */
const graceHardMs = 4_000;
/** For telling why: the process must end even when nobody listens. */
const tellMsMax = 500;

/** Runs until told to stop; the process ends by itself, so this never returns. */
export async function serve(config: DaemonConfig, logger: DaemonLogger, hooks: ServeHooks): Promise<never> {
  let daemon: Daemon | null = null;
  let stopping = false;

  const end = (code: number): never => process.exit(code);
  let failing = false;
  const fail = (error: LogError, isLogged = false): void => {
    // The first failure is the reason; what follows from it is not.
    if (failing) return;
    failing = true;
    if (!isLogged) logger.log('error', 'fatal', { code: error.code, message: error.message });
    setTimeout(() => end(errorCatalogue[error.code].exitCode), tellMsMax);
    hooks.onFatal(error, () => end(errorCatalogue[error.code].exitCode));
  };
  const stop = (reason: string): void => {
    if (stopping) return;
    stopping = true;
    logger.log('info', 'stopping', { reason });
    setTimeout(() => end(exitCodes.ok), graceHardMs).unref();
    if (daemon === null) end(exitCodes.ok);
    else daemon.stop(graceMs, () => end(exitCodes.ok));
  };
  process.on('SIGHUP', () => {
    logger.reopen();
    if (hooks.endsWithTerminal === true) stop('SIGHUP');
    else logger.log('info', 'reopened');
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (signal !== 'SIGTERM' && hooks.supervised === true && process.connected) return;
      // Whoever asks twice does not want to wait.
      if (stopping) end(exitCodes.interrupted);
      stop(signal);
    });
  }
  if (hooks.supervised === true && hooks.outlivesSupervisor !== true) process.on('disconnect', () => stop('the supervisor is gone'));
  process.on('uncaughtException', (error) => {
    // Going on after a broken invariant could spread it to the disk or to a peer.
    logger.log('error', 'defect', { reason: error.stack ?? error.message });
    fail(new LogError('internal', `Cannot go on: a defect of Cairn: ${error.message}`, {}, { cause: error }));
  });

  giveMemoryBackAtRest();
  try {
    // Each loads what the other has no use for.
    const start =
      config.role === 'search' ? (await import('./search-daemon.ts')).startSearch : (await import('./broker-daemon.ts')).startBroker;
    daemon = await start(config, logger, {
      onListening: (port) => {
        logger.log('info', 'listening', { host: config.listen.host, port });
        hooks.onListening?.(port);
      },
      onReady: () => {
        logger.log('info', 'ready');
        hooks.onReady?.();
      },
      onFatal: fail,
      // The log of contract 2 has been written and nothing else is kept; without one it is a stop like any other.
      onExit: () => (config.exitFile === null ? stop('POST /exit') : end(exitCodes.ok)),
    });
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    fail(error);
  }
  return new Promise<never>(() => {});
}
