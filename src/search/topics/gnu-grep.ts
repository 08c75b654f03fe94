/**
 * GNU grep in a process of its own, asked about some records at a time: an argument vector, never a shell; a fixed environment; killed when its time is spent or
 * the search ends. It is told where matches are (`-b`, `-o`), so what it prints is never taken for anything but numbers.
 *
 * Records with a line feed in them go as lines that end with NUL (`-z`), all others as lines.
 */
import { Buffer } from 'node:buffer';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Dialect, GrepAnswer, GrepAsker, GrepQuestion, Match } from '../../query/index.ts';

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

type Ran = { readonly ok: true; readonly output: Buffer } | { readonly ok: false; readonly reason: string };

export class GnuGrep implements GrepAsker {
  readonly #running = new Set<ChildProcess>();
  #isStopped = false;

  ask(question: GrepQuestion, done: (answer: GrepAnswer) => void): void {
    this.#answer(question).then(done, (error: unknown) => done({ ok: false, reason: `GNU grep cannot be asked: ${String(error)}` }));
  }

  /** Ends what runs; nothing is asked any more. */
  stop(): void {
    this.#isStopped = true;
    for (const child of this.#running) child.kill('SIGKILL');
  }

  async #answer({ match, lines, wantsSpans }: GrepQuestion): Promise<GrepAnswer> {
    const plain: Asked[] = [];
    const long: Asked[] = [];
    for (const [index, line] of lines.entries()) {
      if (!line.includes(lineFeed)) plain.push({ index, line });
      else if (!line.includes(nul)) long.push({ index, line });
      else return { ok: false, reason: 'GNU grep cannot be asked about a record with both line feeds and NULs in it' };
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

  #run(match: Match, flags: readonly string[], input: Buffer): Promise<Ran> {
    return new Promise((resolve) => {
      if (this.#isStopped) return resolve({ ok: false, reason: 'the search was ended' });
      const patterns = new Patterns(match.patterns);
      const args = ['-a', '--color=never', dialectFlags[match.dialect], ...flags];
      if (match.ignoreCase) args.push('-i');
      if (match.word) args.push('-w');
      if (match.wholeLine) args.push('-x');
      const env = { LC_ALL: 'C.UTF-8', PATH: process.env['PATH'] ?? '/usr/bin:/bin' };
      const child = spawn('grep', [...args, ...patterns.args, '--', '-'], { env, stdio: ['pipe', 'pipe', 'pipe'] });
      this.#running.add(child);
      const output: Buffer[] = [];
      let said = '';
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        child.kill('SIGKILL');
      }, answerMsMax);
      const finish = (ran: Ran): void => {
        clearTimeout(timer);
        this.#running.delete(child);
        patterns.remove();
        resolve(ran);
      };
      child.on('error', (error) => finish({ ok: false, reason: `GNU grep cannot be run: ${error.message}` }));
      child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => {
        if (said.length < 1024) said += chunk.toString('utf8');
      });
      // It may end before it has read everything.
      child.stdin.on('error', () => undefined);
      child.on('close', (status) => {
        if (status === 0 || status === 1) finish({ ok: true, output: Buffer.concat(output) });
        else if (isLate) finish({ ok: false, reason: `GNU grep did not answer within ${answerMsMax / 1000} s` });
        else finish({ ok: false, reason: this.#isStopped ? 'the search was ended' : reasonOf(said, status) });
      });
      child.stdin.end(input);
    });
  }
}

const reasonOf = (said: string, status: number | null): string =>
  `GNU grep ended with ${status ?? 'a signal'}: ${said.split('\n')[0]?.replace(/^grep: /, '') ?? 'it says nothing'}`;

/** As arguments, or in a file that is removed again. */
class Patterns {
  readonly args: readonly string[];
  readonly #folder: string | null;

  constructor(patterns: readonly Uint8Array[]) {
    const texts = patterns.map((pattern) => Buffer.from(pattern).toString('utf8'));
    const length = patterns.reduce((sum, pattern) => sum + pattern.length, 0);
    const isPlain = texts.every((text, index) => !text.includes('\0') && Buffer.from(text).equals(patterns[index] as Uint8Array));
    if (isPlain && length <= argumentBytesMax && patterns.length > 0) {
      this.#folder = null;
      this.args = texts.flatMap((text) => ['-e', text]);
      return;
    }
    this.#folder = mkdtempSync(path.join(tmpdir(), 'cairn-grep-'));
    const file = path.join(this.#folder, 'patterns');
    writeFileSync(file, Buffer.concat(patterns.flatMap((pattern) => [pattern, Buffer.from('\n')])), { mode: 0o600 });
    this.args = ['-f', file];
  }

  remove(): void {
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
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
