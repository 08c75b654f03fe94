import { type AddressInfo, connect, createServer } from 'node:net';

const listenMsMax = 30_000;

export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** @param what for the error: who does not listen */
export async function untilListening(port: number, what = 'the logger'): Promise<void> {
  const untilMs = performance.now() + listenMsMax;
  for (;;) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (isThere) return;
    if (performance.now() > untilMs) throw new Error(`${what} does not listen on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
