/** A replica of the bare loop that does not lead: writes what comes, syncs once for all that came together, and says how far it is. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { headerBytes, readHeader } from './protocol.ts';
import { openLog } from './log.ts';

/** Runs until the parent's channel closes. */
export function follow(file: string): void {
  const server = createServer((socket) => serve(socket, file));
  server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
}

function serve(socket: Socket, file: string): void {
  const log = openLog(file);
  const header = Buffer.alloc(headerBytes);
  const answer = Buffer.alloc(8);
  let headerHas = 0;
  /** Bytes of the present group that have not come yet. */
  let bodyLeft = 0;
  let end = 0;
  let endInGroup = 0;
  let isDirty = false;
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  let isClosed = false;
  socket.on('close', () => {
    isClosed = true;
    log.close();
  });

  const sync = (): void => {
    isDirty = false;
    if (isClosed) return;
    log.sync();
    answer.writeDoubleLE(end);
    socket.write(Buffer.from(answer));
  };
  socket.on('data', (chunk: Buffer) => {
    log.write(chunk, chunk.length);
    for (let at = 0; at < chunk.length; ) {
      if (bodyLeft === 0) {
        const taken = chunk.copy(header, headerHas, at, at + headerBytes - headerHas);
        headerHas += taken;
        at += taken;
        if (headerHas < headerBytes) break;
        headerHas = 0;
        ({ bytes: bodyLeft, end: endInGroup } = readHeader(header));
      }
      const taken = Math.min(bodyLeft, chunk.length - at);
      bodyLeft -= taken;
      at += taken;
      if (bodyLeft > 0) break;
      end = endInGroup;
      // Once for everything that this round of the event loop reads.
      if (!isDirty) setImmediate(sync);
      isDirty = true;
    }
  });
}
