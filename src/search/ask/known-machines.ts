/** What a machine knows that is asked first: whom a search asks when nobody says whom, and how many partitions a topic has. */
import { Buffer } from 'node:buffer';
import { describeFailure, formatSeconds } from '../../client/failure.ts';
import { LogError } from '../../eventlog/log-error.ts';
import type { SearchRequest } from '../../query/index.ts';
import { openExchange, readRefusal } from './http.ts';
import type { Machine } from './machines.ts';
import type { AskOptions } from './one-machine.ts';

type Options = Pick<AskOptions, 'token' | 'ca' | 'tracer' | 'connectTimeoutMs'>;

const answerBytesMax = 1024 * 1024;

export async function knownMachines(origin: string, options: Options): Promise<readonly Machine[]> {
  const refuse = (reason: string, code: 'unreachable' | 'invalidRequest'): LogError =>
    new LogError(code, `Cannot learn from ${origin} which machines there are: ${reason}, name some with --on or CAIRN_MACHINES`);
  return ((await getJson(origin, '/v1/grep/machines', options, refuse)) as { machines: Machine[] }).machines;
}

/**
 * A search of a topic of several partitions as one search of each; any other is left as it is. The first machine that knows the topic says how many it has;
 * where none does, whoever searches refuses what it cannot search as one.
 */
export async function eachPartition(
  request: SearchRequest,
  machines: readonly Machine[],
  options: Options,
): Promise<readonly [SearchRequest, ...SearchRequest[]]> {
  const { source } = request;
  if (source.kind !== 'topic' || source.partition !== null) return [request];
  const refuse = (reason: string, code: 'unreachable' | 'invalidRequest'): LogError => new LogError(code, reason);
  for (const { origin } of machines) {
    try {
      const topic = await getJson(origin, `/v1/topics/${encodeURIComponent(source.topic)}`, options, refuse);
      const count = (topic as { readonly partitions?: readonly unknown[] }).partitions?.length ?? 1;
      return partitionsOf(request, count);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
    }
  }
  return [request];
}

/** One search of each of so many partitions. */
export function partitionsOf(request: SearchRequest, count: number): readonly [SearchRequest, ...SearchRequest[]] {
  const { source } = request;
  if (source.kind !== 'topic' || source.partition !== null || count === 1) return [request];
  const of = (partition: number): SearchRequest => ({ ...request, source: { ...source, partition, partitions: count } });
  return [of(0), ...Array.from({ length: count - 1 }, (_, index) => of(index + 1))];
}

function getJson(
  origin: string,
  path: string,
  options: Options,
  refuse: (reason: string, code: 'unreachable' | 'invalidRequest') => LogError,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let [status, text] = [0, ''];
    const end = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    const exchange = openExchange(origin, { method: 'GET', path, body: null }, options, {
      connected: () => undefined,
      status: (answered) => {
        status = answered;
      },
      body: (piece) => {
        if (text.length < answerBytesMax) text += piece.toString('latin1');
        return undefined;
      },
      end: () =>
        end(() => {
          const answer = Buffer.from(text, 'latin1').toString('utf8');
          if (status !== 200) return reject(refuse(readRefusal(answer, status).reason, 'invalidRequest'));
          try {
            resolve(JSON.parse(answer));
          } catch {
            reject(refuse('its answer cannot be read', 'unreachable'));
          }
        }),
      failed: (error) => end(() => reject(refuse(describeFailure(error), 'unreachable'))),
    });
    const timer = setTimeout(() => {
      const reason = `no answer within ${formatSeconds(options.connectTimeoutMs)}`;
      exchange.destroy(reason);
      reject(refuse(reason, 'unreachable'));
    }, options.connectTimeoutMs);
  });
}
