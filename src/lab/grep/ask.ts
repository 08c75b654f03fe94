/** A search asked from this process, what is found through a pipe into `cat`: how everyone is measured here. */
import { Buffer } from 'node:buffer';
import { plainSearch, type SearchRequest, type Source } from '../../query/index.ts';
import { askAll, type Machine, type Report, writeLent } from '../../search/ask/index.ts';
import type { Children } from '../rig/index.ts';

export interface Looked {
  readonly dialect: 'fixed' | 'extended';
  readonly pattern: string;
  readonly counts: boolean;
}

export function requestFor(source: Source, { dialect, pattern, counts }: Looked): SearchRequest {
  const plain = plainSearch(source, [Buffer.from(pattern)]);
  return { ...plain, match: { ...plain.match, dialect }, output: { ...plain.output, mode: counts ? 'count' : 'lines' } };
}

const connectTimeoutMs = 1_000;

export async function askPiped(
  children: Children,
  machines: readonly Machine[],
  request: SearchRequest,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ readonly ms: number; readonly report: Report }> {
  const cat = children.start('cat', [], { stdio: ['pipe', 'ignore', 'inherit'] });
  const { stdin } = cat;
  if (stdin === null) throw new Error('cat has a standard input');
  const beganMs = performance.now();
  const options = { token: null, ca: null, connectTimeoutMs, machineTimeoutMs: null, areNamed: true, windowMs: 0, onNote: () => undefined };
  const report = await askAll(machines, request, { ...options, signal }, (_machine, event) =>
    event.kind === 'bytes' ? writeLent(stdin, event.piece) : undefined,
  );
  stdin.end();
  await children.exitOf(cat);
  return { ms: performance.now() - beganMs, report };
}
