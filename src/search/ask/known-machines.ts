/** Whom a machine knows: what a search asks when nobody says whom. */
import { Buffer } from 'node:buffer';
import { describeFailure, formatSeconds } from '../../client/failure.ts';
import { LogError } from '../../eventlog/log-error.ts';
import { openExchange, readRefusal } from './http.ts';
import type { Machine } from './machines.ts';
import type { AskOptions } from './one-machine.ts';

const answerBytesMax = 1024 * 1024;

export function knownMachines(origin: string, options: Pick<AskOptions, 'token' | 'ca' | 'connectTimeoutMs'>): Promise<readonly Machine[]> {
  const refuse = (reason: string, code: 'unreachable' | 'invalidRequest' = 'unreachable'): LogError =>
    new LogError(code, `Cannot learn from ${origin} which machines there are: ${reason}, name some with --on or CAIRN_MACHINES`);
  return new Promise((resolve, reject) => {
    let [status, text] = [0, ''];
    const end = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    const exchange = openExchange(origin, { method: 'GET', path: '/v1/grep/machines', body: null }, options, {
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
            resolve((JSON.parse(answer) as { machines: Machine[] }).machines);
          } catch {
            reject(refuse('its answer cannot be read'));
          }
        }),
      failed: (error) => end(() => reject(refuse(describeFailure(error)))),
    });
    const timer = setTimeout(() => {
      exchange.destroy();
      reject(refuse(`no answer within ${formatSeconds(options.connectTimeoutMs)}`));
    }, options.connectTimeoutMs);
  });
}
