import type { Command } from 'commander';
import { Client } from '../client/index.ts';
import { LogError } from '../eventlog/log-error.ts';
import { addExamples } from './command.ts';
import { withClient } from './connect.ts';
import { type CliIo, write } from './io.ts';
import { type ConnectOptions, readConnectOptions } from './connect-options.ts';
import { addConnectOptions, integer } from './options.ts';

interface FaultOptions extends ConnectOptions {
  readonly broker?: number;
}

export function define(command: Command, io: CliIo): void {
  const actions = {
    crash: [
      'make a broker act as crashed',
      'It answers nobody and sends nothing until it is recovered; what it knows stays in its memory.',
      'acts as crashed',
    ],
    recover: ['bring a broker back that acts as crashed', 'It catches up and takes part again.', 'takes part again'],
  } as const;
  for (const action of ['crash', 'recover'] as const) {
    const [summary, more, after] = actions[action];
    const sub = command
      .command(action)
      .summary(summary)
      .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}. ${more} Brokers obey when started with --fault-injection.`)
      .option('--broker <id>', 'which one (default: the one that --server names)', integer(1))
      .action(async (options: FaultOptions) => {
        const server = options.broker === undefined ? firstServer(options, io) : await findServer(options.broker, options, io);
        // Only this broker is meant: nobody else is asked when it does not answer.
        const client = new Client({ ...readConnectOptions(options, io), servers: [server], discover: false, timeoutMs: 5_000 });
        try {
          await client.fault(action);
        } finally {
          client.close();
        }
        await write(io.stdout, `${options.broker === undefined ? server : `Broker ${options.broker} (${server})`} ${after}\n`);
      });
    addExamples(addConnectOptions(sub), [
      { command: `cairn fault ${action} --broker 2`, does: 'broker 2 of the cluster' },
      { command: `cairn fault ${action} --server http://127.0.0.1:8001`, does: 'the broker at this address' },
    ]);
  }
}

function firstServer(options: FaultOptions, io: CliIo): string {
  const { servers } = readConnectOptions(options, io);
  if (servers.length === 1) return servers[0] as string;
  throw new LogError('usage', 'Cannot tell which broker is meant: name one with --broker, or a single one with --server');
}

/** A broker that acts as crashed answers nobody, but the others know its address. */
function findServer(id: number, options: FaultOptions, io: CliIo): Promise<string> {
  return withClient(options, io, {}, async (client) => {
    const brokers = await client.brokers();
    const address = brokers.find((broker) => broker.id === id)?.address;
    const known = brokers.map((broker) => broker.id).join(', ');
    if (address === undefined) throw new LogError('usage', `Cannot find broker ${id}: the cluster has brokers ${known}`);
    const scheme = (client.servers[0] as string).startsWith('https:') ? 'https' : 'http';
    return `${scheme}://${address}`;
  });
}
