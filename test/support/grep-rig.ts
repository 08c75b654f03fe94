/** Machines that search, in this process and each with files of its own, and GNU grep run by hand on the same files: what `cairn grep` must equal. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import type { CliIo } from '../../src/cli/io.ts';
import { run } from '../../src/cli/grep/run.ts';
import { SearchFront } from '../../src/gateway/http/grep/index.ts';
import { defaultHttpSettings, type HttpSettings } from '../../src/gateway/http/settings.ts';
import type { Machine } from '../../src/search/ask/index.ts';
import type { Searcher } from '../../src/search/index.ts';
import { createFilesSearcher, type Exposure } from '../../src/search/files/index.ts';
import { Spans } from '../../src/broker/spans.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { SystemDisk } from '../../src/system/disk.ts';
import { systemRandom } from '../../src/system/random.ts';
import { testClock } from './clock.ts';
import { starter } from './starter.ts';

export interface Answer {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly status: number;
}

export interface SearchMachine {
  readonly name: string;
  readonly address: string;
  readonly folder: string;
  /** What answers it, without HTTP. */
  readonly searcher: Searcher;
  close(): Promise<void>;
}

export interface MachineOptions {
  readonly settings?: Partial<HttpSettings>;
  readonly tokenHash?: Uint8Array | null;
  readonly tls?: { readonly cert: string; readonly key: string } | null;
  readonly exposures?: (folder: string) => readonly Exposure[];
  /** What searches its topics. */
  readonly topic?: Searcher;
  /** Whom it asks. */
  readonly machines?: readonly Machine[];
}

/** A machine with these files, all of them exposed as `app`. */
export async function startMachine(
  name: string,
  files: Readonly<Record<string, Uint8Array | string>>,
  { settings = {}, tokenHash = null, tls = null, exposures, topic, machines = [] }: MachineOptions = {},
): Promise<SearchMachine> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-grep-test-'));
  mkdirSync(path.join(folder, 'oracle'));
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(path.join(folder, file), content);
    // The name that stands before its lines, for the oracle.
    symlinkSync(path.join(folder, file), path.join(folder, 'oracle', `${name}:${file}`));
  }
  const clock = testClock();
  const searcher = createFilesSearcher({
    machine: name,
    exposures: exposures?.(folder) ?? [{ name: 'app', glob: `${folder}/*.log` }],
    host: { clock, bytes: systemBytes, filesIn: (parent) => new SystemDisk(parent, null, 'any') },
    starter,
  });
  const front = new SearchFront({
    machine: name,
    searchers: { files: searcher, topic: topic ?? null },
    machines,
    partitionsOf: () => null,
    get own() {
      return topic === undefined ? null : `http://127.0.0.1:${front.port}`;
    },
    token: null,
    ca: null,
    version: '0.0.0',
    logger: { log: () => undefined },
    clock,
    spans: new Spans(name, clock, systemRandom),
    settings: { ...defaultHttpSettings, ...settings },
    host: '127.0.0.1',
    port: 0,
    listenRetryMs: 0,
    tls,
    ownNames: ['localhost'],
    extraHosts: [],
    tokenHash,
  });
  await new Promise<void>((resolve, reject) => {
    front.listen((error) => (error === null ? resolve() : reject(error)));
  });
  return {
    name,
    address: `127.0.0.1:${front.port}`,
    folder,
    searcher,
    close: async () => {
      await new Promise<void>((resolve) => front.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** `cairn grep ARGS --files app --on ...`, in this process. */
export async function grep(
  args: readonly string[],
  machines: readonly { readonly address: string }[],
  env: CliIo['env'] = {},
): Promise<Answer> {
  const on = machines.map(({ address }) => address).join(',');
  return runGrep([...args, '--files', 'app', '--on', on], env);
}

/** Who asks and who is asked share this process, and a busy core with others: a second may pass before they meet. */
const patience = ['--connect-timeout', '60'] as const;

export async function runGrep(args: readonly string[], env: CliIo['env'] = {}): Promise<Answer> {
  const [stdout, stderr] = [new PassThrough({ highWaterMark: 1 << 30 }), new PassThrough()];
  const io: CliIo = {
    stdin: new PassThrough(),
    stdout,
    stderr,
    env,
    interrupt: () => new AbortController().signal,
    becomeService: () => undefined,
  };
  const status = await run([...patience, ...args], io, () => Promise.resolve(0));
  return { stdout: (stdout.read() as Buffer | null) ?? Buffer.alloc(0), stderr: String(stderr.read() ?? ''), status };
}

/** GNU grep on each file by itself, as the contract has it: what it prints, one file behind the other, and the status of all. */
export function oracle(args: readonly string[], machines: readonly SearchMachine[], files: readonly string[]): Answer {
  const outputs: Buffer[] = [];
  const errors: string[] = [];
  const statuses: number[] = [];
  for (const { name, folder } of machines) {
    for (const file of files.toSorted()) {
      const { stdout, stderr, status } = spawnSync('grep', ['-a', '-H', ...args, `${name}:${file}`], {
        cwd: path.join(folder, 'oracle'),
        env: { ...process.env, LC_ALL: 'C.UTF-8' },
        maxBuffer: 1 << 30,
      });
      outputs.push(stdout);
      errors.push(String(stderr));
      statuses.push(status ?? 2);
    }
  }
  const status = statuses.includes(2) ? 2 : statuses.includes(0) ? 0 : 1;
  return { stdout: Buffer.concat(outputs), stderr: errors.join(''), status };
}

/** What a `cairn grep --follow` has printed; `until` waits for a text. */
export interface Followed {
  readonly until: (text: string) => Promise<string>;
  readonly status: Promise<number>;
  readonly said: () => string;
}

export function followGrep(args: readonly string[], interrupt: AbortSignal): Followed {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let [printed, said] = ['', ''];
  let wake: () => void = () => undefined;
  stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    wake();
  });
  stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const io = { stdin: new PassThrough(), stdout, stderr, env: {}, interrupt: () => interrupt, becomeService: () => undefined };
  const status = run(['--follow', ...args], io, () => Promise.resolve(0));
  const until = async (text: string): Promise<string> => {
    while (!printed.includes(text)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return printed;
  };
  return { until, status, said: () => said };
}
