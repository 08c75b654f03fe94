/** Asks for one mutant, each time in a process of its own: attempts of the simulator and of probes, or a test. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Attempt } from './attempt.ts';
import { type Mutant, root } from './mutant.ts';

export interface Asked extends Attempt {
  readonly seconds: number;
  /** Why there is no verdict: the process crashed or did not end in time. No catch. */
  readonly noVerdict: string | null;
}

export interface AskOptions {
  readonly seedMax: number;
  readonly timeoutMs: number;
  /** False asks the program as it is, which must pass. */
  readonly isMutated: boolean;
}

const register = pathToFileURL(path.join(import.meta.dirname, 'register.ts')).href;
const nothing: Attempt = { check: null, message: null, seeds: 0, others: [], harnessErrors: [] };

export async function ask(mutant: Mutant, options: AskOptions): Promise<Asked> {
  const startedMs = performance.now();
  const answer = mutant.how.by === 'test' ? await askTest(mutant, mutant.how, options) : await askSeeds(mutant, options);
  return { ...nothing, noVerdict: null, ...answer, seconds: (performance.now() - startedMs) / 1000 };
}

async function askSeeds(mutant: Mutant, { seedMax, timeoutMs, isMutated }: AskOptions): Promise<Partial<Asked>> {
  const args = ['--no-warnings', '--import', register, path.join(import.meta.dirname, 'attempt.ts'), mutant.id, String(seedMax)];
  const { code, output, errors } = await runNode(args, { CAIRN_MUTANT: isMutated ? mutant.id : '' }, timeoutMs);
  const line = output.trim().split('\n').at(-1) ?? '';
  if (code === 0 && line.startsWith('{')) return JSON.parse(line) as Attempt;
  return { noVerdict: code === null ? `it did not end within ${timeoutMs / 1000} s` : `it ended with ${code}: ${lastWords(errors)}` };
}

interface TestReport {
  readonly testResults: readonly {
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly title: string;
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Caught when the test fails in an `expect`; an assertion of the program itself, a timeout or another error is no catch. */
async function askTest(
  mutant: Mutant,
  { file, title }: { readonly file: string; readonly title: string },
  { timeoutMs, isMutated }: AskOptions,
): Promise<Partial<Asked>> {
  const folder = mkdtempSync(path.join(tmpdir(), 'cairn-mutant-'));
  const report = path.join(folder, 'report.json');
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const config = path.join(import.meta.dirname, 'vitest.config.ts');
  // The title may be that of one of several, which tests before it may have to make come true: all of the file run.
  const args = ['--no-warnings', vitest, 'run', '--config', config, '--reporter=json', `--outputFile=${report}`, file];
  const env = { CAIRN_MUTANT: isMutated ? mutant.id : '', NODE_OPTIONS: `--no-warnings --import ${register}` };
  try {
    const { code, errors } = await runNode(args, env, timeoutMs);
    if (code === null) return { noVerdict: `it did not end within ${timeoutMs / 1000} s` };
    let parsed: TestReport;
    try {
      parsed = JSON.parse(readFileSync(report, 'utf8')) as TestReport;
    } catch {
      return { noVerdict: `vitest ended with ${code}: ${lastWords(errors)}` };
    }
    return judgeTests(parsed, title, isMutated);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function judgeTests(report: TestReport, title: string, isMutated: boolean): Partial<Asked> {
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const wanted = results.filter(({ fullName }) => fullName.includes(title));
  if (wanted.length === 0) return { noVerdict: `no test is titled "${title}"` };
  const skipped = wanted.every(({ status }) => status !== 'passed' && status !== 'failed');
  if (skipped) return { noVerdict: `the test "${title}" cannot run here` };
  const failures = wanted.filter(({ status }) => status === 'failed').flatMap(({ failureMessages }) => failureMessages);
  const others = results.filter(({ status, fullName }) => status === 'failed' && !fullName.includes(title)).map((other) => other.fullName);
  const found = failures.find(
    (message) => message.startsWith('AssertionError: ') && !message.startsWith('AssertionError: Invariant broken'),
  );
  const harnessErrors = found === undefined ? failures.map(lastWords) : [];
  const isRed = isMutated ? found !== undefined : failures.length > 0;
  return { check: isRed ? title : null, message: firstLine(found ?? failures[0] ?? null), seeds: 1, others, harnessErrors };
}

const firstLine = (text: string | null): string | null => text?.split('\n')[0] ?? null;
const lastWords = (text: string): string => text.trim().split('\n').slice(0, 4).join(' | ').slice(0, 300);

function runNode(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<{ readonly code: number | null; readonly output: string; readonly errors: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...args], { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: isLate ? null : (code ?? -1), output: Buffer.concat(output).toString(), errors: Buffer.concat(errors).toString() });
    });
  });
}
