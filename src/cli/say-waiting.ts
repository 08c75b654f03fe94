import type { Client } from '../client/index.ts';
import type { LogError } from '../eventlog/log-error.ts';
import type { CliIo } from './io.ts';

/** How long a follower goes without an answer before it says so. */
const silenceMs = 3_000;

/** A follower asks until it is told to stop; it says when nobody answers for a while, and when somebody does again. */
export function sayWaiting(client: Pick<Client, 'servers'>, io: CliIo): (error: LogError | null) => void {
  let isTold = false;
  let silentSince: number | null = null;
  return (error) => {
    if (error === null) {
      if (isTold) io.stderr.write(`Going on with ${client.servers[0] ?? 'another broker'}\n`);
      isTold = false;
      silentSince = null;
      return;
    }
    silentSince ??= performance.now();
    if (isTold || performance.now() - silentSince < silenceMs) return;
    isTold = true;
    io.stderr.write(`${error.message}; trying until a broker answers\n`);
  };
}
