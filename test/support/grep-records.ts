// Lines as records of a topic, and GNU grep on the same lines in a file: what searches of topics are compared with.
import { execFileSync } from 'node:child_process';
import { runTask } from '../../src/base/task.ts';
import {
  makeRecordSearch,
  type GrepAsker,
  type Match,
  type Output,
  plainMatch,
  plainOutput,
  type RecordQuery,
} from '../../src/query/index.ts';
import { offset, term } from '../../src/base/branded.ts';
import { RecordBatchBuilder, setPlacement } from '../../src/record/index.ts';
import { re2 } from '../../src/search/topics/re2.ts';
import { systemBytes } from '../../src/system/bytes.ts';

const recordOutput: Output = { ...plainOutput, lineNumbers: true, withName: false };

export const queryOf = (
  patterns: readonly (string | Uint8Array)[],
  match: Partial<Match> = {},
  output: Partial<Output> = {},
  more: Partial<RecordQuery> = {},
): RecordQuery => ({
  match: { ...plainMatch, patterns: patterns.map((pattern) => (typeof pattern === 'string' ? Buffer.from(pattern) : pattern)), ...match },
  where: [],
  output: { ...recordOutput, ...output },
  engine: 'auto',
  index: true,
  form: 'text',
  name: '',
  isTimed: false,
  ...more,
});

/** Batches of `perBatch` records at offsets from 1 on, as lines of a file are counted. */
function batchesOf(lines: readonly Uint8Array[], perBatch: number): Uint8Array[] {
  const batches: Uint8Array[] = [];
  for (let from = 0; from < lines.length; from += perBatch) {
    const builder = new RecordBatchBuilder();
    for (const line of lines.slice(from, from + perBatch)) builder.add(0, null, line);
    const batch = builder.finish(systemBytes);
    setPlacement(batch, offset(from + 1), term(1));
    batches.push(batch);
  }
  return batches;
}

export interface Searched {
  readonly text: string;
  readonly selected: number;
  readonly engine: string;
  readonly asked: number;
  readonly failure: string | null;
}

/** What a search of these lines as records gives; `-n` numbers are those of a file with the same lines. */
export function searchLines(
  lines: readonly Uint8Array[],
  query: RecordQuery,
  grep: GrepAsker | null = null,
  perBatch = 7,
): Promise<Searched> {
  const made = makeRecordSearch(query, { bytes: systemBytes, regex: re2, grep });
  if (!made.ok) return Promise.reject(new Error(made.error));
  const search = made.value;
  const output: Uint8Array[] = [];
  return new Promise((resolve) => {
    runTask(
      function* () {
        for (const batch of batchesOf(lines, perBatch)) {
          if (search.isDone) break;
          search.take(batch, 0, Number.MAX_SAFE_INTEGER);
          if (search.mustSettle) yield* search.settle();
          output.push(search.takeOutput().bytes);
        }
        yield* search.settle();
        output.push(search.takeOutput().bytes);
      },
      () => {
        const { selected, engine, asked, failure } = search;
        resolve({ text: Buffer.concat(output).toString('latin1'), selected, engine, asked, failure });
      },
    );
  });
}

/** Standard output of GNU grep on these lines, as Latin-1, and how it ended. */
export function gnuGrep(args: readonly string[], lines: readonly Uint8Array[]): { readonly text: string; readonly status: number } {
  const input = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  try {
    const output = execFileSync('grep', ['-a', ...args], {
      input,
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    return { text: output.toString('latin1'), status: 0 };
  } catch (error) {
    const { status, stdout } = error as { readonly status: number; readonly stdout: Buffer };
    return { text: stdout.toString('latin1'), status };
  }
}
