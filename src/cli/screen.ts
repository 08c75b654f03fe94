import { type CliIo, write } from './io.ts';

/** The alternate screen, without a cursor and without wrapping; what was on the terminal comes back behind it. */
const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const home = '\u001b[H';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';

/**
 * Shows what `frame` gives, again and again, until Ctrl-C, then leaves the last one on the ordinary screen. Lines that are too long for the window are cut,
 * and of too many the last ones; a window that changes its size is filled anew at once.
 */
export async function showFrames(io: CliIo, everyMs: number, frame: () => string): Promise<void> {
  const { stdout } = io;
  const interrupt = io.interrupt();
  // What cannot be shown at all is said on the ordinary screen.
  let text = frame();
  await write(stdout, enter);
  try {
    while (!interrupt.aborted) {
      await write(stdout, paint(text, stdout.rows ?? 24));
      await pause(everyMs, interrupt, stdout);
      text = frame();
    }
  } finally {
    await write(stdout, leave);
  }
  await write(stdout, text);
}

/** Line for line over what was there. A line is cleared before it is written: behind it the cursor may stand on its last character. */
function paint(text: string, rows: number): string {
  const lines = text.trimEnd().split('\n');
  const shown =
    lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `... ${lines.length - rows + 1} more lines: make the window higher`];
  return `${home}${shown.map((line) => `${clearLine}${line}`).join('\r\n')}${clearBelow}`;
}

function pause(ms: number, interrupt: AbortSignal, stdout: CliIo['stdout']): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      interrupt.removeEventListener('abort', done);
      stdout.off('resize', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    interrupt.addEventListener('abort', done, { once: true });
    stdout.on('resize', done);
  });
}
