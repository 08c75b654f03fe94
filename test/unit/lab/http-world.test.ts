import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needsLinux } from '../../support/needs.ts';
import { getText, httpWorld } from '../../../src/lab/consistency/http-world.ts';

describe('what the lab asks of servers', () => {
  const sources: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    sources.push(request.socket.remoteAddress);
    response.end('an answer');
  });
  let port: number;

  beforeEach(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterEach(() => void server.close());

  it('leaves from another address than theirs, so that it takes no port of one that starts', needsLinux, async () => {
    const world = httpWorld([port]);

    expect(await getText(port, '/readyz', 1000)).toBe('an answer');
    expect(await world.put(0, 'word')).toBe('answered');
    expect(await world.post(0, 'crash')).toBe(true);
    world.close();

    expect(sources).toEqual(['127.0.0.2', '127.0.0.2', '127.0.0.2']);
  });
});
