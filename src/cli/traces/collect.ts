/** The traces of all brokers as one, and who is missing from it. */
import { closeSync, openSync, readSync } from 'node:fs';
import { type OrderedTrace, orderWithAgents, parseTrace, skewOf, type TraceEvent, type TraceSkew } from '../../clocks/index.ts';
import { Client } from '../../client/index.ts';
import { LogError } from '../../eventlog/log-error.ts';
import { withClient } from '../connect.ts';
import type { CliIo } from '../io.ts';
import { type ConnectOptions, readConnectOptions } from '../connect-options.ts';
import { reasonOf } from '../reason-of.ts';

export interface Collected {
  readonly trace: OrderedTrace;
  readonly skew: TraceSkew;
  /** Brokers whose part is not in it, each as a sentence. */
  readonly missing: readonly string[];
  /** What else whoever reads it should know. */
  readonly notes: readonly string[];
}

/** A recording, or what the brokers themselves made. */
export function readTraceFile(file: string): Collected {
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    throw new LogError('usage', `Cannot read the trace "${file}": ${reasonOf(error)}`, {}, { cause: error });
  }
  const what = `the trace "${file}"`;
  return collected(eventsOf(text, what), [], what);
}

/** A pipe does not say beforehand how much will come. */
function readText(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let bytes = 0; ; ) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const read = readSync(descriptor, chunk, 0, chunkBytes, null);
      if (read === 0) return Buffer.concat(chunks).toString('utf8');
      bytes += read;
      if (bytes > fileBytesMax) throw new Error(`it is larger than ${fileBytesMax / 2 ** 20} MiB`);
      chunks.push(chunk.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
}

const chunkBytes = 2 ** 20;
const fileBytesMax = 256 * 2 ** 20;

/** Every broker is asked at once; those that do not answer are named, and the rest is a trace all the same. */
export async function collectTraces(options: ConnectOptions & { readonly last?: number }, io: CliIo): Promise<Collected> {
  const brokers = await addressesOf(options, io);
  const asked = await Promise.all(
    brokers.map(async ({ id, server }) => {
      const client = new Client({ ...readConnectOptions(options, io), servers: [server], discover: false });
      try {
        // It may have noted nothing in that time.
        const text = await client.trace(options.last ?? null);
        return { id, events: text === '' ? [] : eventsOf(text, `what broker ${id} told`), why: '' };
      } catch (error) {
        if (!(error instanceof LogError)) throw error;
        return { id, events: [], why: error.message };
      } finally {
        client.close();
      }
    }),
  );
  const missing = asked.filter(({ why }) => why !== '').map(({ id, why }) => `broker ${id} is missing: ${why}`);
  const events = asked.flatMap((each) => each.events);
  if (events.length === 0)
    throw new LogError('unreachable', `Cannot collect a trace: ${missing.join('; ') || 'no broker has noted anything yet'}`);
  return collected(events, missing, 'the trace');
}

/** All configured brokers, those too that do not answer. */
export function addressesOf(options: ConnectOptions, io: CliIo): Promise<readonly { readonly id: number; readonly server: string }[]> {
  return withClient(options, io, {}, async (client) => {
    const brokers = await client.brokers();
    const scheme = (client.servers[0] as string).startsWith('https:') ? 'https' : 'http';
    return brokers.map(({ id, address }) => ({ id, server: `${scheme}://${address}` }));
  });
}

function eventsOf(text: string, what: string): readonly TraceEvent[] {
  const parsed = parseTrace(text);
  if (!parsed.ok) throw new LogError('invalidRequest', `Cannot read ${what}: ${parsed.error}`);
  return parsed.value;
}

function collected(events: readonly TraceEvent[], missing: readonly string[], what: string): Collected {
  const ordered = orderWithAgents(events);
  if (!ordered.ok) throw new LogError('invalidRequest', `Cannot order ${what}: ${ordered.error}`);
  const { trace, note } = ordered.value;
  return { trace, skew: skewOf(trace), missing, notes: note === null ? [] : [note] };
}

/** Of what clock the times are, as a phrase. */
export function describeTimes({ trace, skew }: Collected): string {
  if (trace.events.every(({ trueMs }) => trueMs !== null)) return 'by the clock of the simulator';
  if (skew.isInconsistent) return 'by the wall clock of each process, one of which was set meanwhile';
  const [reference] = skew.skews.filter(({ aheadMs, errorMs }) => aheadMs === 0 && errorMs === 0);
  const corrected = skew.skews.filter(({ aheadMs, process }) => aheadMs !== null && process !== reference?.process);
  if (corrected.length === 0) return 'by the wall clock of each process';
  const each = corrected.map(
    ({ process, aheadMs, errorMs }) => `${process} by ${rounded(-(aheadMs ?? 0))} ms (± ${rounded(errorMs ?? 0)})`,
  );
  return `by the wall clock of ${reference?.process ?? 'the first'}, those of others corrected by the measured skew: ${each.join(', ')}`;
}

const rounded = (ms: number): string => (Math.round(ms * 10) / 10).toFixed(1);
