import { type Command, InvalidArgumentError } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { Client } from '../client/index.ts';
import { delayMsMax, type LinkFault, LogError, refuseLinkFault } from '../eventlog/index.ts';
import { addExamples, type Example, ExitWith } from './command.ts';
import { schemeOf, withClient } from './connect.ts';
import { escapeControls } from '../base/escape.ts';
import { type CliIo, write } from './io.ts';
import { type ConnectOptions, readConnectOptions } from './connect-options.ts';
import { addConnectOptions, integer, jsonOption } from './options.ts';

interface FaultOptions extends ConnectOptions {
  readonly broker?: number;
}

interface LinkFaultOptions extends ConnectOptions {
  readonly json?: boolean;
}

export function define(command: Command, io: CliIo): void {
  defineCrash(command, io);
  defineLinkFaults(command, io);
}

function defineCrash(command: Command, io: CliIo): void {
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

function defineLinkFaults(command: Command, io: CliIo): void {
  const define = (usage: string, summary: string, more: string, examples: readonly Example[]): Command => {
    const description = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}. ${more} Brokers obey when started with --fault-injection.`;
    const sub = command.command(usage).summary(summary).description(description).addOption(jsonOption('who took it'));
    return addExamples(addConnectOptions(sub), examples);
  };
  const everyone = (): boolean => true;

  define(
    'pause',
    "let a broker's links fall silent",
    'Its connections stand, but nothing leaves and nothing that comes is taken, until `cairn fault heal`. Its clients are answered.',
    [{ command: 'cairn fault pause --broker 2', does: 'a leader that is paused gives up leading' }],
  )
    .requiredOption('--broker <id>', 'which one', integer(1))
    .action((options: LinkFaultOptions & { readonly broker: number }) =>
      makeFault({ action: 'pause' }, 'Paused', (id) => id === options.broker, options, io, options.broker),
    );

  define(
    'partition',
    'cut the links between groups of brokers',
    'All brokers are told, each belongs in one group, and a partition takes the place of the one before, until `cairn fault heal`.',
    [
      { command: "cairn fault partition '1,2|3'", does: 'broker 3 on its own' },
      { command: "cairn fault partition '1|2|3' --json", does: 'nobody reaches anybody; for programs' },
    ],
  )
    .argument('<groups>', "brokers by their ids, as in '1,2|3'", readGroups)
    .action((groups: readonly (readonly number[])[], options: LinkFaultOptions) =>
      makeFault({ action: 'partition', groups }, 'Partitioned', everyone, options, io),
    );

  define(
    'delay',
    'let each frame between brokers wait',
    'In order and on both ways, so that a round trip takes twice as long, until `cairn fault heal` or a delay of 0.',
    [
      { command: 'cairn fault delay 50', does: 'all links of all brokers' },
      { command: 'cairn fault delay 200 --link 1-3', does: 'one link, both ways' },
    ],
  )
    .argument('<ms>', 'milliseconds each way', integer(0, delayMsMax))
    .option('--link <a-b>', 'between these two brokers only (default: all links)', readLink)
    .action((ms: number, options: LinkFaultOptions & { readonly link?: readonly [number, number] }) => {
      const { link = null } = options;
      return makeFault({ action: 'delay', ms, link }, 'Delayed', link === null ? everyone : (id) => link.includes(id), options, io);
    });

  define('heal', 'end pauses, partitions and delays', 'All brokers are told, and dial one another at once.', [
    { command: 'cairn fault heal', does: 'all brokers; one that acts as crashed needs `cairn fault recover`' },
  ]).action((options: LinkFaultOptions) => makeFault({ action: 'heal' }, 'Healed', everyone, options, io));
}

interface Told {
  readonly broker: number;
  readonly address: string;
  /** Why it did not take it. */
  readonly error: LogError | null;
}

/** Tells each broker that is meant, straight: those that a fault has cut off from one another are reached all the same. */
async function makeFault(
  fault: LinkFault,
  done: string,
  isMeant: (id: number) => boolean,
  options: LinkFaultOptions,
  io: CliIo,
  only: number | null = null,
): Promise<void> {
  const { brokers, scheme } = await withClient(options, io, {}, async (client) => ({
    brokers: await client.brokers(),
    scheme: schemeOf(client.servers),
  }));
  const ids = brokers.map(({ id }) => id);
  if (only !== null && !ids.includes(only)) throw unknownBroker(only, ids);
  const refusal = refuseLinkFault(fault, ids, null);
  if (refusal !== null) throw new LogError('usage', refusal);
  const connect = readConnectOptions(options, io);
  const told = await Promise.all(
    brokers
      .filter(({ id }) => isMeant(id))
      .map(async ({ id, address }): Promise<Told> => {
        const client = new Client({ ...connect, servers: [`${scheme}://${address}`], discover: false, timeoutMs: 3_000 });
        try {
          await client.faultLinks(fault);
          return { broker: id, address, error: null };
        } catch (error) {
          if (error instanceof LogError) return { broker: id, address, error };
          throw error;
        } finally {
          client.close();
        }
      }),
  );
  const took = told.filter(({ error }) => error === null).map(({ broker }) => broker);
  const missed = told.flatMap(({ broker, address, error }) => (error === null ? [] : [{ broker, address, error }]));
  if (options.json === true) {
    const reasons = missed.map(({ broker, address, error }) => ({ broker, address, reason: error.message }));
    await write(io.stdout, `${JSON.stringify({ fault, took, missed: reasons })}\n`);
  } else {
    const [first] = missed;
    // All of them say the same: that is the answer.
    if (took.length === 0 && first !== undefined && missed.every(({ error }) => error.message === first.error.message)) throw first.error;
    if (took.length > 0) await write(io.stdout, `${done}: ${took.length === 1 ? 'broker' : 'brokers'} ${took.join(', ')}\n`);
    for (const { broker, address, error } of missed)
      await write(io.stdout, `${escapeControls(`Broker ${broker} (${address}) did not take it: ${error.message}`)}\n`);
  }
  if (missed.length > 0) throw new ExitWith(exitCodes.failed);
}

function readGroups(text: string): readonly (readonly number[])[] {
  if (!/^[1-9]\d{0,6}(,[1-9]\d{0,6})*(\|[1-9]\d{0,6}(,[1-9]\d{0,6})*)*$/.test(text))
    throw new InvalidArgumentError('It is groups of brokers, as in 1,2|3.');
  return text.split('|').map((group) => group.split(',').map(Number));
}

function readLink(text: string): readonly [number, number] {
  const [, from, to] = /^(\d{1,7})-(\d{1,7})$/.exec(text) ?? [];
  if (from === undefined || to === undefined) throw new InvalidArgumentError('It is two brokers, as in 1-3.');
  return [Number(from), Number(to)];
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
    if (address === undefined)
      throw unknownBroker(
        id,
        brokers.map((broker) => broker.id),
      );
    return `${schemeOf(client.servers)}://${address}`;
  });
}

const unknownBroker = (id: number, known: readonly number[]): LogError =>
  new LogError('usage', `Cannot find broker ${id}: the cluster has brokers ${known.join(', ')}`);
