import type { ServerResponse } from 'node:http';

/** True once the client has taken what was written; false when it takes nothing for too long, or is gone. */
export function drained(response: ServerResponse, timeoutMs: number): Promise<boolean> {
  // What it would wait for has been.
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const finish = (isDrained: boolean) => (): void => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      response.off('close', onClose);
      resolve(isDrained);
    };
    const onDrain = finish(true);
    const onClose = finish(false);
    const timer = setTimeout(onClose, timeoutMs);
    response.once('drain', onDrain);
    response.once('close', onClose);
  });
}
