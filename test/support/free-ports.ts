import { type AddressInfo, createServer } from 'node:net';

/** Ports of 127.0.0.1 that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** As many ports in a row that were free a moment ago; gives the first. */
export async function freePortsInARow(count: number): Promise<number> {
  for (;;) {
    const [first = 0] = await freePorts(1);
    if (first + count > 65_535) continue;
    const servers = Array.from({ length: count }, () => createServer());
    const results = await Promise.allSettled(
      servers.map(
        (server, index) =>
          new Promise<void>((resolve, reject) => {
            server.once('error', reject);
            server.listen(first + index, '127.0.0.1', resolve);
          }),
      ),
    );
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (results.every(({ status }) => status === 'fulfilled')) return first;
  }
}
