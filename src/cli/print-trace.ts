/** The tree of `--trace`: the spans of a run, and of all brokers that had to do with it. */
import { escapeControls } from '../base/escape.ts';
import { Client } from '../client/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import type { Span } from '../eventlog/index.ts';
import type { CliIo } from './io.ts';
import { write } from './io.ts';
import type { TracedRun } from './tracing.ts';

/** The slowest replica may end its span after the answer. */
const settleMs = 150;
const askedForMs = 3000;
/** Of a tree more are not printed. */
const linesMax = 400;

export async function printTrace({ trace, token, ca }: TracedRun, name: string, error: string | null, io: CliIo): Promise<void> {
  const own = trace.finish(name, error);
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const connect = { token, ca, discover: false, timeoutMs: askedForMs, attemptMs: askedForMs };
  const missing: string[] = [];
  const servers = await serversOf([...trace.servers], connect);
  const found = await Promise.all(
    servers.map((server) =>
      withOne(server, connect, (client) => client.spans(trace.traceId)).catch((thrown: unknown) => {
        if (!(thrown instanceof LogError)) throw thrown;
        missing.push(`missing from it: ${server}: ${thrown.message}`);
        return [];
      }),
    ),
  );
  const left = trace.left === 0 ? [] : [`${trace.left} more requests were not traced`];
  const lines = [...treeLines(eachOnce([...own, ...found.flat()])), ...left, ...missing];
  await write(io.stderr, `${lines.map((line) => escapeControls(line)).join('\n')}\n`);
}

type Connect = Omit<ConstructorParameters<typeof Client>[0], 'servers'>;

async function withOne<Value>(server: string, connect: Connect, use: (client: Client) => Promise<Value>): Promise<Value> {
  const client = new Client({ ...connect, servers: [server] });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** A broker may have been asked under another name than its own. */
function eachOnce(spans: readonly Span[]): readonly Span[] {
  return [...new Map(spans.map((span) => [span.spanId, span])).values()];
}

/** All brokers: those that were asked know only of what came to them. And whoever was asked and is none, but searches. */
async function serversOf(asked: readonly string[], connect: Connect): Promise<readonly string[]> {
  for (const server of asked) {
    try {
      const brokers = await withOne(server, connect, (client) => client.brokers());
      const scheme = server.slice(0, server.indexOf('//') + 2);
      return [...new Set([...brokers.map(({ address }) => scheme + address), ...asked])];
    } catch {
      // The next one may know.
    }
  }
  return asked;
}

/** Spans whose parent is not among them, because it was overwritten or its broker is away, stand at the end by themselves. */
export function treeLines(spans: readonly Span[]): readonly string[] {
  const sorted = spans.toSorted((a, b) => a.startMs - b.startMs);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const children = new Map<string | null, Span[]>();
  for (const span of sorted) {
    const parent = span.parentId !== null && ids.has(span.parentId) ? span.parentId : null;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [span]);
    else siblings.push(span);
  }
  const rows: { readonly label: string; readonly span: Span }[] = [];
  const add = (span: Span, indent: string, branch: string): void => {
    rows.push({ label: indent + branch + span.name, span });
    const own = children.get(span.spanId) ?? [];
    const inner = branch === '' ? '' : indent + (branch.startsWith('└') ? '   ' : '│  ');
    for (const [at, child] of own.entries()) add(child, inner, at === own.length - 1 ? '└─ ' : '├─ ');
  };
  const roots = (children.get(null) ?? []).toSorted((a, b) => Number(a.parentId !== null) - Number(b.parentId !== null));
  for (const root of roots) add(root, '', '');
  const [first] = roots;
  if (first === undefined) return [];
  const shown = rows.slice(0, linesMax);
  const width = Math.max(...shown.map(({ label }) => label.length));
  const processes = new Set(spans.map((span) => span.process));
  const lines = shown.map(({ label, span }) => {
    const { process, startMs, durationMs, fields, error } = span;
    const what = Object.entries(fields).map(([key, value]) => `${key}=${value}`);
    const times = `${ms(startMs - first.startMs)} ${ms(durationMs)}`;
    return `${label.padEnd(width)} ${times}  ${process}${what.length === 0 ? '' : `  ${what.join(' ')}`}${error === null ? '' : `  failed: ${error}`}`;
  });
  const cut = rows.length > linesMax ? [`${rows.length - linesMax} more spans are not shown`] : [];
  const head = `trace ${first.traceId}: ${spans.length} spans of ${[...processes].toSorted().join(', ')}; begins and takes, in ms, by each one's own clock`;
  return [head, ...lines, ...cut];
}

const ms = (value: number): string => value.toFixed(2).padStart(9);
