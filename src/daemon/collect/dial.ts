import { connect } from 'node:net';
import type { Link, LinkHandlers } from '../../host/index.ts';
import { inWords } from './node.ts';

const keepAliveMs = 10_000;
const connectMsMax = 5_000;

/** A connection to a logger, as an agent wants it. `closed` comes exactly once, never during the call. */
export function dialLogger(host: string, port: number, handlers: LinkHandlers): Link {
  let reason = 'it closed the connection';
  const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs });
  const timer = setTimeout(() => {
    reason = 'it does not answer';
    socket.destroy();
  }, connectMsMax);
  socket.on('connect', () => {
    clearTimeout(timer);
    handlers.opened();
  });
  socket.on('data', (chunk: Buffer) => handlers.received(chunk));
  socket.on('error', (error) => {
    reason = inWords(error);
  });
  socket.on('close', () => {
    clearTimeout(timer);
    handlers.closed(reason);
  });
  return {
    send(chunks) {
      if (socket.destroyed) return;
      socket.cork();
      for (const chunk of chunks) socket.write(chunk);
      socket.uncork();
    },
    get bytesQueued() {
      return socket.writableLength;
    },
    close(why) {
      reason = why;
      socket.destroy();
    },
  };
}
