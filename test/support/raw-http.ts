import { connect, type Socket } from 'node:net';

/** Sends bytes as they are and gives all that came back until the connection closed, also when it was reset. */
export function exchange(port: number, text: string | Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.on('connect', () => socket.write(text));
  return allOf(socket);
}

/** All that comes over a connection until it closes. */
export function allOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

/** A request of HTTP/1.1 that closes its connection, as the client of contract 2 sends it. */
export function requestText(port: number, method: string, path: string, headers: Readonly<Record<string, string>> = {}, body = ''): string {
  const all = { Host: `127.0.0.1:${port}`, Connection: 'close', 'Content-Length': String(Buffer.byteLength(body)), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}
