import type { ServerResponse } from 'node:http';

const endless = new WeakSet<ServerResponse>();

/**
 * A client may close its side once it has asked, and gets its answer all the same. An answer that goes on until the client has enough ends with that:
 * there it means that nobody reads, and nothing else may tell so for a long time. So does `PUT /`, whose client has failed by leaving (contract 2).
 */
export function endWithClient(response: ServerResponse): void {
  endless.add(response);
}

/** True of such an answer that has not ended by itself. */
export function isOverWithClient(response: ServerResponse): boolean {
  return !response.writableEnded && endless.has(response);
}
