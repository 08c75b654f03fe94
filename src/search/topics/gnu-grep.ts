/**
 * GNU grep in a process of its own, asked about some records at a time: an argument vector, never a shell; a fixed environment; ended when its time is spent or
 * the search ends. It is told where matches are (`-b`, `-o`), so what it prints is never taken for anything but numbers.
 *
 * Records with a line feed in them go as lines that end with NUL (`-z`), all others as lines.
 */
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { Dialect, GrepAnswer, GrepAsker, GrepQuestion, Match } from '../../query/index.ts';
import { sentenceOf } from '../sentence.ts';
import type { ProgramStarter } from '../start/index.ts';

/** For some megabytes at most: only a pattern that explodes needs as long. */
const answerMsMax = 10_000;
/** Longer ones, and those that no argument can hold, are given in a file. */
const argumentBytesMax = 64 * 1024;

const dialectFlags: Readonly<Record<Dialect, string>> = { basic: '-G', extended: '-E', fixed: '-F', perl: '-P' };
const lineFeed = 10;
const nul = 0;
const colon = 58;

interface Asked {
  readonly index: number;
  readonly line: Uint8Array;
}

type Ran = { readonly ok: true; readonly output: Buffer } | (GrepAnswer & { readonly ok: false });

export class GnuGrep implements GrepAsker {
  readonly #starter: ProgramStarter;
  readonly #stopped = new AbortController();

  constructor(starter: ProgramStarter) {
    this.#starter = starter;
  }

  ask(question: GrepQuestion, done: (answer: GrepAnswer) => void): void {
    this.#answer(question).then(done, (error: unknown) => done(failure(`GNU grep cannot be asked: ${String(error)}`)));
  }

  /** Ends what runs; nothing is asked any more. */
  stop(): void {
    this.#stopped.abort();
  }

  async #answer({ match, lines, wantsSpans }: GrepQuestion): Promise<GrepAnswer> {
    const plain: Asked[] = [];
    const long: Asked[] = [];
    for (const [index, line] of lines.entries()) {
      if (!line.includes(lineFeed)) plain.push({ index, line });
      else if (!line.includes(nul)) long.push({ index, line });
      else return failure('GNU grep cannot be asked about a record with both line feeds and NULs in it');
    }
    const matched = lines.map(() => false);
    const spans = lines.map((): number[] => []);
    for (const [some, end] of [
      [plain, lineFeed],
      [long, nul],
    ] as const) {
      if (some.length === 0) continue;
      const input = joined(some, end);
      const flags = end === nul ? ['-z'] : [];
      const ran = await Promise.all([
        this.#run(match, [...flags, '-b'], input.bytes),
        wantsSpans ? this.#run(match, [...flags, '-b', '-o'], input.bytes) : null,
      ]);
      for (const one of ran) if (one?.ok === false) return one;
      const [selected, parts] = ran as [Ran & { readonly ok: true }, (Ran & { readonly ok: true }) | null];
      readSelected(selected.output, input, (at) => {
        matched[(some[at] as Asked).index] = true;
      });
      if (parts !== null)
        readParts(parts.output, input, end, (at, from, to) => (spans[(some[at] as Asked).index] as number[]).push(from, to));
    }
    return { ok: true, matched, spans: wantsSpans ? spans : [] };
  }

  async #run(match: Match, flags: readonly string[], input: Buffer): Promise<Ran> {
    const ended = failure('the search was ended');
    const { signal } = this.#stopped;
    if (signal.aborted) return ended;
    const args = ['-a', '--color=never', dialectFlags[match.dialect], ...flags];
    if (match.ignoreCase) args.push('-i');
    if (match.word) args.push('-w');
    if (match.wholeLine) args.push('-x');
    const hold = this.#starter.hold();
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), answerMsMax);
    const patterns = new Patterns(match.patterns);
    try {
      args.push(...(await patterns.args(this.#starter)), '--', '-');
      const env = { LC_ALL: 'C.UTF-8', PATH: process.env['PATH'] ?? '/usr/bin:/bin' };
      const order = { program: 'grep', arguments: args, env, folder: '/', input: 'stream' } as const;
      const program = this.#starter.start(order, { stream: Readable.from([input]), signal: AbortSignal.any([signal, late.signal]) });
      const output: Buffer[] = [];
      const { status, said, problem } = await program.consume((chunk) => void output.push(chunk));
      if (status === 0 || status === 1) return { ok: true, output: Buffer.concat(output) };
      if (signal.aborted) return ended;
      if (late.signal.aborted) return failure(`GNU grep did not answer within ${answerMsMax / 1000} s`);
      if (problem !== null) return failure(`GNU grep cannot be run: ${problem}`);
      const sentence = sentenceOf(said);
      // Its input is a pipe, which can always be read: what is wrong is the patterns.
      if (status === 2 && sentence !== null) return { ok: false, reason: sentence, isBadPattern: true };
      return failure(`GNU grep ended with ${status ?? 'a signal'}: ${sentence ?? 'it says nothing'}`);
    } finally {
      clearTimeout(timer);
      await patterns.remove();
      hold.release();
    }
  }
}

const failure = (reason: string): Ran & { readonly ok: false } => ({ ok: false, reason, isBadPattern: false });

/** As arguments, or in a file that is removed again. */
class Patterns {
  readonly #patterns: readonly Uint8Array[];
  #file: string | null = null;

  constructor(patterns: readonly Uint8Array[]) {
    this.#patterns = patterns;
  }

  async args(starter: ProgramStarter): Promise<readonly string[]> {
    const patterns = this.#patterns;
    const texts = patterns.map((pattern) => Buffer.from(pattern).toString('utf8'));
    const length = patterns.reduce((sum, pattern) => sum + pattern.length, 0);
    const isPlain = texts.every((text, index) => !text.includes('\0') && Buffer.from(text).equals(patterns[index] as Uint8Array));
    if (isPlain && length <= argumentBytesMax && patterns.length > 0) return texts.flatMap((text) => ['-e', text]);
    this.#file = path.join(await starter.folder(), `patterns-${randomUUID()}`);
    await writeFile(this.#file, Buffer.concat(patterns.flatMap((pattern) => [pattern, Buffer.from('\n')])), { mode: 0o600, flag: 'wx' });
    return ['-f', this.#file];
  }

  async remove(): Promise<void> {
    if (this.#file !== null) await rm(this.#file, { force: true });
  }
}

interface Input {
  readonly bytes: Buffer;
  /** Where each line begins; one more at the end. */
  readonly starts: readonly number[];
}

function joined(lines: readonly Asked[], end: number): Input {
  const starts: number[] = [];
  const parts: Uint8Array[] = [];
  const terminator = Uint8Array.of(end);
  let at = 0;
  for (const { line } of lines) {
    starts.push(at);
    parts.push(line, terminator);
    at += line.length + 1;
  }
  return { bytes: Buffer.concat(parts), starts: [...starts, at] };
}

/** `offset:line` after `offset:line`, each line as long as it is known to be. */
function readSelected(output: Buffer, { starts }: Input, selected: (at: number) => void): void {
  let line = 0;
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf(colon, at);
    const offset = Number(output.toString('latin1', at, end));
    while ((starts[line] as number) < offset) line++;
    selected(line);
    at = end + 1 + (starts[line + 1] as number) - offset;
  }
}

/** `offset:part`, none of which has the byte in it that ends lines. */
function readParts(output: Buffer, { starts }: Input, ending: number, found: (at: number, from: number, to: number) => void): void {
  let line = 0;
  for (let at = 0; at < output.length; ) {
    const from = output.indexOf(colon, at) + 1;
    const offset = Number(output.toString('latin1', at, from - 1));
    const to = output.indexOf(ending, from);
    while ((starts[line + 1] as number) <= offset) line++;
    const begin = offset - (starts[line] as number);
    found(line, begin, begin + to - from);
    at = to + 1;
  }
}
