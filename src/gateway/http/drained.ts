import type { ServerResponse } from 'node:http';

/**
 * True once the client has taken what was written; false when it takes nothing for too long, or is gone. One that takes a little again and again is slow,
 * and waited for: a socket's timeout begins anew whenever the system has taken some of what waits. It stays as it was set: what comes next is waited for too.
 */
export function drained(response: ServerResponse, timeoutMs: number): Promise<boolean> {
  // What it would wait for has been.
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const finish = (isDrained: boolean) => (): void => {
      response.off('drain', onDrain);
      response.off('close', onOver);
      response.off('timeout', onOver);
      resolve(isDrained);
    };
    const onDrain = finish(true);
    const onOver = finish(false);
    response.setTimeout(timeoutMs);
    response.once('timeout', onOver);
    response.once('drain', onDrain);
    response.once('close', onOver);
  });
}

/** Resolves once the answers to what the connection was asked before have left: until then, what is written waits in memory. */
export function itsTurn(response: ServerResponse): Promise<void> | undefined {
  if (response.socket !== null || response.destroyed) return undefined;
  return new Promise((resolve) => response.once('socket', () => resolve()));
}

/** Resolves once the answer has left, or its client. */
export function departed(response: ServerResponse): Promise<void> | undefined {
  if (response.closed || response.destroyed) return undefined;
  return new Promise((resolve) => response.once('close', resolve));
}
