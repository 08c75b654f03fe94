import type { LogError } from '../eventlog/index.ts';

export interface DaemonHooks {
  /** The socket listens; requests wait or are told `starting`. */
  readonly onListening?: (port: number) => void;
  readonly onReady?: () => void;
  /** The process must end, with the exit code of the error's code. What the broker itself met is in its log already. */
  readonly onFatal: (error: LogError, isLogged?: boolean) => void;
  /** `POST /exit` was answered. */
  readonly onExit: () => void;
}

/** What runs until it is told to stop. */
export interface Daemon {
  /** Finishes what is under way and closes; calls back within about `graceMs`. */
  stop(graceMs: number, done: () => void): void;
}
