import { Client, type ClientOptions } from '../client/index.ts';
import { CairnClient } from '../library/index.ts';
import type { CliIo } from './io.ts';
import { type ConnectOptions, readConnectOptions } from './connect-options.ts';

/** Gives the client to `use` and closes it afterwards, whatever happens: open connections would keep the process alive. */
export async function withClient<Value>(
  options: ConnectOptions,
  io: CliIo,
  more: Partial<ClientOptions>,
  use: (client: Client) => Promise<Value>,
): Promise<Value> {
  const client = new Client({ ...readConnectOptions(options, io), ...more });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** The same with the log as programs speak of it, in records. */
export function withCairnClient<Value>(
  options: ConnectOptions,
  io: CliIo,
  more: Partial<ClientOptions>,
  use: (client: CairnClient) => Promise<Value>,
): Promise<Value> {
  return withClient(options, io, more, async (client) => {
    const { servers, token, ca } = readConnectOptions(options, io);
    return use(new CairnClient({ servers, token, ca }, client));
  });
}

/** In which brokers that are known by their addresses alone are reached. */
export const schemeOf = (servers: readonly string[]): string => ((servers[0] as string).startsWith('https:') ? 'https' : 'http');
