/** Whom a machine knows: what a search asks when nobody says whom. */
import type http from 'node:http';
import { describeFailure, formatSeconds } from '../../client/failure.ts';
import { LogError } from '../../eventlog/log-error.ts';
import { openRequest, readRefusal } from './http.ts';
import type { Machine } from './machines.ts';
import type { AskOptions } from './one-machine.ts';

const answerBytesMax = 1024 * 1024;

export function knownMachines(origin: string, options: Pick<AskOptions, 'token' | 'ca' | 'connectTimeoutMs'>): Promise<readonly Machine[]> {
  const refuse = (reason: string, code: 'unreachable' | 'invalidRequest' = 'unreachable'): LogError =>
    new LogError(code, `Cannot learn from ${origin} which machines there are: ${reason}, name some with --on or CAIRN_MACHINES`);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(refuse(`no answer within ${formatSeconds(options.connectTimeoutMs)}`));
      request.destroy();
    }, options.connectTimeoutMs);
    const request = openRequest(origin, { method: 'GET', path: '/v1/grep/machines', body: null }, options);
    request.on('error', (error) => reject(refuse(describeFailure(error))));
    request.on('response', (incoming: http.IncomingMessage) => {
      if (incoming.statusCode !== 200) {
        readRefusal(incoming, ({ reason }) => reject(refuse(reason, 'invalidRequest')));
        return;
      }
      let text = '';
      incoming.setEncoding('utf8').on('data', (piece: string) => {
        if (text.length < answerBytesMax) text += piece;
      });
      incoming.on('end', () => {
        try {
          resolve((JSON.parse(text) as { machines: Machine[] }).machines);
        } catch {
          reject(refuse('its answer cannot be read'));
        }
      });
    });
    request.on('close', () => clearTimeout(timer));
    request.end();
  });
}
