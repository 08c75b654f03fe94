import type { Options } from 'cli-progress';
import { type CliIo, isColourful } from './io.ts';

export interface Progress {
  /** Bytes taken from the input since the last call. */
  readonly moved: (bytes: number) => void;
  /** The count shown beside the bar. */
  readonly counted: (count: number) => void;
  readonly stop: () => void;
}

export const noProgress: Progress = { moved: () => undefined, counted: () => undefined, stop: () => undefined };

export interface ProgressOptions {
  /** Null where the size is not known: then it counts. */
  readonly bytesTotal: number | null;
  readonly what: string;
  /** Bytes that were taken before the bar began. */
  readonly bytesDone?: number;
}

/** What starts bars on stderr, where that is a terminal; elsewhere nothing is loaded and nothing shown. */
export async function loadProgress(io: CliIo): Promise<(options: ProgressOptions) => Progress> {
  if (io.stderr.isTTY !== true || io.env['TERM'] === 'dumb') return () => noProgress;
  const { default: cliProgress } = await import('cli-progress');
  return ({ bytesTotal, what, bytesDone = 0 }) => {
    const format =
      bytesTotal === null ? `{count} ${what}, {duration_formatted}` : `{bar} {percentage}%  {count} ${what}, {duration_formatted}`;
    const bar = new cliProgress.SingleBar(styleOf(io, format));
    bar.start(Math.max(bytesTotal ?? 1, 1), bytesDone, { count: 0 });
    let bytes = bytesDone;
    return {
      moved: (more) => bar.update(bytesTotal === null ? 0 : Math.min((bytes += more), bytesTotal)),
      counted: (count) => bar.update({ count }),
      stop: () => bar.stop(),
    };
  };
}

export interface TimeBar {
  /** So many of the seconds are over, and what goes on. */
  readonly at: (seconds: number, what: string) => void;
  readonly stop: () => void;
}

/** A bar over a time that is about known, on a terminal; elsewhere nothing is shown. */
export async function startTimeBar(io: CliIo, secondsTotal: number): Promise<TimeBar> {
  if (io.stderr.isTTY !== true || io.env['TERM'] === 'dumb') return { at: () => undefined, stop: () => undefined };
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar(styleOf(io, '{bar} {percentage}%  {what}, about {left} left'));
  bar.start(secondsTotal, 0, { what: '', left: inMinutes(secondsTotal) });
  return {
    at: (seconds, what) => bar.update(Math.min(seconds, secondsTotal), { what, left: inMinutes(Math.max(0, secondsTotal - seconds)) }),
    stop: () => bar.stop(),
  };
}

/** 95 -> "1 min 35 s". */
export function inMinutes(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function styleOf(io: CliIo, format: string): Options {
  return {
    format,
    stream: io.stderr as NodeJS.WritableStream,
    barCompleteChar: isColourful(io, io.stderr) ? '\u2588' : '#',
    barIncompleteChar: isColourful(io, io.stderr) ? '\u2591' : '-',
    clearOnComplete: true,
    fps: 8,
    gracefulExit: false,
  };
}
