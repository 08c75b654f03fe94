// `node scripts/record-audit-trace.ts`: records test/unit/lab/audit/broker.trace anew, after a change of the peer protocol or of a file format that the
// audit reads. Three real brokers under strace, from their first start on; kept of one that does not lead are the writes to its log files and its votes,
// their syncs, and what it sent to its peers. The first line of the file says which broker it is, and who listens where.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runAudit, TraceReader } from '../src/lab/audit/index.ts';

const FILE = path.join(import.meta.dirname, '..', 'test', 'unit', 'lab', 'audit', 'broker.trace');
const BYTES_MAX = 64 * 1024;
const KEPT_FILE = /\/data\/(groups\/[^/]+\/\d{20}\.log|votes(\.tmp)?)$/;
const ACCEPTED = /^TCP:\[127\.0\.0\.1:(\d+)->/;
const DIALLED = /^TCP:\[127\.0\.0\.2:\d+->127\.0\.0\.1:(\d+)\]$/;

const hex = (text: string): string => Buffer.from(text).toString('hex').replaceAll(/../g, '\\x$&');

const folder = mkdtempSync(path.join(tmpdir(), 'cairn-audit-'));
try {
  await runAudit({ folder, seconds: 0.4, kills: 0, workers: 2 });
  const traces = [1, 2, 3].map((id) => ({
    id,
    lines: readFileSync(path.join(folder, `broker-${id}-life-${id}.trace`), 'latin1').split('\n'),
  }));
  const ports = traces.map(({ id, lines }) => [listenerOf(lines), id] as const);
  const kept = traces.map(({ id, lines }) => ({ id, lines: cut(lines) }));
  // A leader sends its log, which is long; a follower that voted for it answers.
  const [follower] = kept.toSorted((one, other) => other.lines.length - one.lines.length);
  if (follower === undefined) throw new Error('no broker was traced');
  const head = `broker ${follower.id}; ${ports.map(([port, id]) => `${port}=${id}`).join(' ')}`;
  writeFileSync(FILE, `${[head, ...follower.lines].join('\n')}\n`, 'latin1');
  console.log(`${head}: ${follower.lines.length} lines`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function listenerOf(lines: readonly string[]): string {
  for (const { target } of callsOf(lines)) {
    const [, port] = ACCEPTED.exec(target) ?? [];
    if (port !== undefined) return port;
  }
  throw new Error('a broker accepted no connection');
}

/** The lines that the audit has to do with, as many as the file may hold. */
function cut(lines: readonly string[]): string[] {
  const found: string[] = [];
  const unfinished = new Set<string>();
  let bytes = 0;
  for (const line of lines) {
    const [thread = ''] = line.split(' ', 1);
    const isResumed = / <\.\.\. \w+ resumed>/.test(line);
    const [call] = callsOf([line]);
    const isKept = isResumed ? unfinished.delete(thread) : call !== undefined && (KEPT_FILE.test(call.target) || DIALLED.test(call.target));
    if (!isKept) continue;
    if (line.endsWith('<unfinished ...>')) unfinished.add(thread);
    const short = shorten(line, call?.target ?? '');
    bytes += short.length;
    if (bytes > BYTES_MAX) break;
    found.push(short);
  }
  return found;
}

function callsOf(lines: readonly string[]): { readonly target: string }[] {
  const reader = new TraceReader();
  return lines.flatMap((line) => reader.read(line).flatMap((event) => (event.type === 'began' ? [event.call] : [])));
}

/** Without the folder of this run, and without what follows the first record where a file of votes is made: zeros, and its second copy. */
function shorten(line: string, target: string): string {
  const name = KEPT_FILE.exec(target)?.[0];
  return (name === undefined ? line : line.replace(hex(target), hex(name))).replace(/(?:\\x00){1024,}[^"]*"/, String.raw`\x00"`);
}
