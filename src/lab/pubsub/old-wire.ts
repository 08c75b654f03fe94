import { connect } from 'node:net';

/** One request on the old wire of contract 3, on a connection of its own, as its clients send it. Rejects where the connection fails. */
export function askWire(port: number, request: Readonly<Record<string, unknown>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(JSON.stringify(request)));
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('end', () => {
      socket.end();
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
    socket.on('error', reject);
  });
}

const timeoutMs = 15_000;
