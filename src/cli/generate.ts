import { createHash, randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import { PreciseClock } from '../system/precise-clock.ts';
import { addExamples } from './command.ts';
import { type CliIo, write } from './io.ts';
import { integer } from './options.ts';

export function define(command: Command, io: CliIo): void {
  command
    .description(
      "Print events as the course's generator does: a time in seconds, a space, 64 hexadecimal digits. The first comes at once, the next after exponentially distributed pauses.",
    )
    .argument('<rate>', 'events a second, on average', parseRate)
    .argument('[count]', 'end after so many', integer(1))
    .action((rate: number, count: number | undefined) => generate(rate, count ?? Number.POSITIVE_INFINITY, io));
  addExamples(command, [
    { command: 'cairn generate 0.1', does: 'an event every ten seconds, on average' },
    { command: 'cairn generate 5 500 | cairn node node1 127.0.0.1 1234', does: '500 events to a logger' },
  ]);
}

function parseRate(text: string): number {
  const value = /^\d{1,7}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0) return value;
  throw new InvalidArgumentError('It is a number above 0 and below 10000000.');
}

async function generate(rate: number, count: number, io: CliIo): Promise<void> {
  const interrupt = io.interrupt();
  const clock = new PreciseClock();
  let nextS = clock.nowS();
  for (let i = 0; i < count && !interrupt.aborted; i++) {
    await pauseUntil(nextS, clock, interrupt);
    if (interrupt.aborted) return;
    await write(io.stdout, `${pythonText(clock.nowS())} ${createHash('sha256').update(randomBytes(20)).digest('hex')}\n`);
    nextS += -Math.log(1 - Math.random()) / rate;
  }
}

/** A timer holds 24 days, and below a millisecond one would only slow it down. */
async function pauseUntil(timeS: number, clock: PreciseClock, interrupt: AbortSignal): Promise<void> {
  for (;;) {
    const waitMs = (timeS - clock.nowS()) * 1000;
    if (waitMs < 1 || interrupt.aborted) return;
    await pause(Math.min(waitMs, 86_400_000), interrupt);
  }
}

/** As Python prints a time: the shortest digits that mean this number, with a point. Both languages agree but for whole numbers. */
const pythonText = (seconds: number): string => {
  const rounded = Math.round(seconds * 1e7) / 1e7;
  return Number.isInteger(rounded) ? `${rounded}.0` : String(rounded);
};

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
