/**
 * The connections of a trial. Each begins with a line that proves that a part of this trial is at the other end, "NONCE INDEX\n"; what follows are
 * messages (`clocks/model/messages.ts`).
 */
import net from 'node:net';
import type { Role } from './channel.ts';
import { formatHostPort, type HostPort } from '../../base/host-port.ts';

const helloBytesMax = 100;
const newline = 0x0a;

/** Resolves with the port once it listens; the reason of a failure is the end of a sentence. */
export function listenOn(
  place: HostPort,
  connected: (socket: net.Socket) => void,
): Promise<{ readonly server: net.Server; readonly port: number }> {
  return new Promise((resolve, reject) => {
    // A relay writes to machines that have nothing more to say.
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, connected);
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new Error(`${formatHostPort(place)} cannot be listened on: ${reasons[error.code ?? ''] ?? error.message}`));
    });
    server.listen({ host: place.host, port: place.port }, () => resolve({ server, port: (server.address() as net.AddressInfo).port }));
  });
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this computer has no such address',
  EACCES: 'not permitted',
};

/** Resolves once the other end has been told who this is. */
export function connectTo(place: HostPort, role: Pick<Role, 'nonce' | 'index'>): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: place.host, port: place.port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      // What goes wrong later is an end like any other: `close` tells of it.
      socket.on('error', () => undefined);
      socket.write(`${role.nonce} ${role.index}\n`);
      resolve(socket);
    });
  });
}

/** Who is at the other end; a stranger is cut off. `taken` gets the bytes that came after the first line too, and a socket that waits to be read on. */
export function takeHello(
  socket: net.Socket,
  { nonce, rates }: Pick<Role, 'nonce' | 'rates'>,
  taken: (index: number, rest: Buffer) => void,
): void {
  let held = Buffer.alloc(0);
  const read = (chunk: Buffer): void => {
    held = Buffer.concat([held, chunk]);
    const end = held.indexOf(newline);
    if (end < 0 && held.length <= helloBytesMax) return;
    socket.off('data', read);
    const [said, number] = held.subarray(0, Math.max(0, end)).toString('latin1').split(' ');
    const index = rates.findIndex((_, machine) => String(machine) === number);
    if (said !== nonce || index < 0) return void socket.destroy();
    socket.pause();
    taken(index, held.subarray(end + 1));
  };
  socket.on('error', () => undefined);
  socket.on('data', read);
}
