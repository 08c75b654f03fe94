import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { askMachine } from '../../src/search/ask/index.ts';

test('a machine that took the connection is not left out because whoever asks was held up meanwhile', async () => {
  const server = createServer((_request, response) => response.writeHead(404).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { token: null, ca: null, connectTimeoutMs: 5, machineTimeoutMs: null, signal: new AbortController().signal };
  const nothing = (): undefined => undefined;
  const handlers = { head: () => null, begin: nothing, bytes: nothing, lines: nothing, end: nothing, reached: nothing, note: nothing };

  const asked = askMachine({ origin, name: null }, new Uint8Array(0), options, handlers);
  for (const untilMs = performance.now() + 30; performance.now() < untilMs; );

  expect(await asked).toMatchObject({ kind: 'refused' });
  await new Promise((resolve) => server.close(resolve));
});
