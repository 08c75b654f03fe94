import cliProgress from 'cli-progress';
import { type CliIo, isColourful } from './io.ts';

export interface Progress {
  /** Bytes taken from the input since the last call. */
  readonly moved: (bytes: number) => void;
  /** The count shown beside the bar. */
  readonly counted: (count: number) => void;
  readonly stop: () => void;
}

const silent: Progress = { moved: () => undefined, counted: () => undefined, stop: () => undefined };

/** A bar on stderr, where that is a terminal. Without a known size it counts. */
export function startProgress(io: CliIo, options: { readonly bytesTotal: number | null; readonly what: string }, bytesDone = 0): Progress {
  if (io.stderr.isTTY !== true || io.env['TERM'] === 'dumb') return silent;
  const { bytesTotal, what } = options;
  const bar = new cliProgress.SingleBar({
    format: bytesTotal === null ? `{count} ${what}, {duration_formatted}` : `{bar} {percentage}%  {count} ${what}, {duration_formatted}`,
    stream: io.stderr as NodeJS.WritableStream,
    barCompleteChar: isColourful(io, io.stderr) ? '\u2588' : '#',
    barIncompleteChar: isColourful(io, io.stderr) ? '\u2591' : '-',
    hideCursor: false,
    clearOnComplete: true,
    fps: 8,
    gracefulExit: false,
  });
  bar.start(Math.max(bytesTotal ?? 1, 1), bytesDone, { count: 0 });
  let bytes = bytesDone;
  return {
    moved: (more) => bar.update(bytesTotal === null ? 0 : Math.min((bytes += more), bytesTotal)),
    counted: (count) => bar.update({ count }),
    stop: () => bar.stop(),
  };
}
