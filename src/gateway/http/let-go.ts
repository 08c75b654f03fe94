import type { Duplex } from 'node:stream';
import type { Clock } from '../../host/index.ts';

const graceMs = 1_000;

/**
 * Says a last word on a connection and lets it go: once the client has closed its side, or after a grace. One that never does would hold its descriptor
 * for ever, and one that is closed at once may lose the answer with what it still sends.
 */
export function letGo(socket: Duplex, lastWord: string, clock: Pick<Clock, 'startTimer'>): void {
  if (socket.destroyed) return;
  const timer = clock.startTimer(graceMs, () => socket.destroy());
  socket.once('close', () => timer.cancel());
  // Its end is only heard by whoever reads.
  socket.resume();
  socket.once('end', () => socket.destroy());
  socket.end(lastWord);
}
