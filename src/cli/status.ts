import { styleText } from 'node:util';
import type { Command } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { type BrokerList, Client } from '../client/index.ts';
import { type BrokerStatus, linkFaultTexts, type PartitionStatus } from '../eventlog/index.ts';
import { addExamples, ExitWith } from './command.ts';
import { schemeOf, withClient } from './connect.ts';
import { escapeControls } from '../base/escape.ts';
import { type CliIo, isColourful, write } from './io.ts';
import { type ConnectOptions, readConnectOptions } from './connect-options.ts';
import { addConnectOptions, jsonOption } from './options.ts';
import { bytes, count, table } from './table.ts';

/** How long a broker that others do not hear is given to say why. */
const strayedMs = 1_000;

interface StatusOptions extends ConnectOptions {
  readonly json?: boolean;
}

export function define(command: Command, io: CliIo): void {
  command.addOption(jsonOption('the brokers')).action((options: StatusOptions) =>
    withClient(options, io, {}, async (client) => {
      const brokers = await askStrayed(await client.brokers(), schemeOf(client.servers), options, io);
      const problems = findProblems(brokers);
      if (options.json === true) await write(io.stdout, `${JSON.stringify({ brokers, problems })}\n`);
      else await write(io.stdout, formatStatus(brokers, problems, isColourful(io, io.stdout)));
      if (problems.length > 0) throw new ExitWith(exitCodes.failed);
    }),
  );
  addConnectOptions(command);
  command.addHelpText(
    'after',
    '\nExit code 1 when a broker is missing, acts as crashed, refuses another, has a fault by hand, or something is fenced or cannot be read; the table is printed all the same.',
  );
  addExamples(command, [
    { command: 'cairn status', does: 'of the brokers on this machine' },
    { command: 'cairn status --json | jq .problems', does: 'for programs' },
  ]);
}

/**
 * Whom others do not hear may say itself that this was done by hand. Whoever says nothing of that is as missing as before: what it says else is what
 * nobody but it can confirm.
 */
function askStrayed(brokers: BrokerList, scheme: string, options: ConnectOptions, io: CliIo): Promise<BrokerList> {
  const connect = readConnectOptions(options, io);
  return Promise.all(
    brokers.map(async (broker) => {
      if (broker.status !== null) return broker;
      const client = new Client({ ...connect, servers: [`${scheme}://${broker.address}`], discover: false, timeoutMs: strayedMs });
      try {
        const status = await client.status();
        return status.id === broker.id && status.linkFaults !== undefined ? { ...broker, status } : broker;
      } catch {
        return broker;
      } finally {
        client.close();
      }
    }),
  );
}

/** Everything that keeps this status from being whole (design, promise 5), each as a sentence. */
export function findProblems(brokers: BrokerList): readonly string[] {
  const problems: string[] = [];
  for (const { id, address, status } of brokers) {
    const told = tellings(brokers, id);
    const [first] = told;
    if (status === null) {
      // One of them is enough: what the others say of it follows from the same.
      problems.push(`broker ${id} (${address}) does not answer${first === undefined ? '' : `, and ${first}`}`);
      continue;
    }
    if (status.crashed) problems.push(`broker ${id} acts as crashed`);
    else problems.push(...told, ...faultsOf(status).map((text) => `broker ${id}: ${text}`));
    for (const { name, partition } of partitionsOf(status)) {
      if (partition.fenced !== null) problems.push(`broker ${id}: ${name} is fenced: ${partition.fenced}`);
      const { unreadableRanges } = partition;
      const ranges = unreadableRanges === 1 ? 'a range' : `${unreadableRanges} ranges`;
      if (unreadableRanges > 0)
        problems.push(`broker ${id}: ${name}: its disk refuses to read ${ranges}, its log (\`rangeUnreadable\`) says where`);
    }
  }
  const heard = brokers.flatMap(({ status }) => (status === null ? [] : [status]));
  for (const name of new Set(heard.flatMap((status) => partitionsOf(status).map((each) => each.name)))) {
    if (findLeader(heard, name) === null) problems.push(`${name} has no leader`);
  }
  return problems;
}

const faultsOf = ({ linkFaults }: BrokerStatus): readonly string[] => (linkFaults === undefined ? [] : linkFaultTexts(linkFaults));

/** In a word. */
function stateOf({ crashed, linkFaults }: BrokerStatus): string {
  if (crashed) return 'crashed';
  if (linkFaults === undefined) return 'up';
  return linkFaults.paused ? 'paused' : linkFaults.cutOff.length > 0 ? 'cut off' : 'delayed';
}

/** What brokers that answer say of the link to one of them. */
const tellings = (brokers: BrokerList, id: number): string[] =>
  brokers.flatMap(({ id: by, status }) => {
    const problem = status?.crashed === true ? null : (status?.peers.find((peer) => peer.id === id)?.problem ?? null);
    return problem === null ? [] : [`broker ${by} says of broker ${id}: ${problem}`];
  });

const partitionsOf = (status: BrokerStatus): readonly { readonly name: string; readonly partition: PartitionStatus }[] => [
  { name: 'the catalog', partition: status.catalog },
  ...status.partitions.map((partition) => ({ name: `topic "${partition.topic}"`, partition })),
];

/** The broker that leads by its own account in the highest term: an old leader may not know yet that it is none. */
function findLeader(heard: readonly BrokerStatus[], name: string): { readonly id: number; readonly partition: PartitionStatus } | null {
  let leader: { readonly id: number; readonly partition: PartitionStatus } | null = null;
  for (const status of heard) {
    const partition = partitionsOf(status).find((each) => each.name === name)?.partition;
    if (partition?.role === 'leader' && (leader === null || partition.term > leader.partition.term)) leader = { id: status.id, partition };
  }
  return leader;
}

function formatStatus(brokers: BrokerList, problems: readonly string[], colourful: boolean): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    colourful ? styleText(format, text, { validateStream: false }) : text;
  const heard = brokers.flatMap(({ status }) => (status === null ? [] : [status]));
  const brokerRows = brokers.map(({ id, address, status }) => {
    if (status === null) return [String(id), address, paint('red', 'missing'), '', '', '', '', ''];
    const leads = partitionsOf(status).filter(({ name }) => findLeader(heard, name)?.id === id).length;
    return [
      String(id),
      address,
      paint(status.crashed ? 'red' : status.linkFaults === undefined ? 'green' : 'yellow', stateOf(status)),
      String(leads),
      count(lagOf(status, heard)),
      bytes(sum(partitionsOf(status).map(({ partition }) => partition.sizeBytes))),
      duration(Date.now() - status.startedMs),
      status.durable ? 'disk' : paint('yellow', 'memory only'),
    ];
  });
  const names = [...new Set(heard.flatMap((status) => partitionsOf(status).map((each) => each.name)))];
  const partitionRows = names.map((name) => {
    const leader = findLeader(heard, name);
    const views = heard.flatMap((status) => partitionsOf(status).filter((each) => each.name === name));
    const end = Math.max(...views.map(({ partition }) => partition.highWatermark));
    return [
      name === 'the catalog' ? '(catalog)' : name.slice('topic "'.length, -1),
      leader === null ? paint('red', 'none') : `broker ${leader.id}`,
      String(Math.max(...views.map(({ partition }) => partition.term))),
      count(end),
      bytes(Math.max(...views.map(({ partition }) => partition.sizeBytes))),
      heard
        .filter(({ id }) => views.some(({ partition }) => partition.replicas.includes(id)))
        .map((status) => ({ id: status.id, partition: partitionsOf(status).find((each) => each.name === name)?.partition }))
        .map(
          ({ id, partition }) =>
            `${id}:${partition === undefined ? '?' : partition.role === 'leader' ? 'leader' : lagText(end - partition.highWatermark, partition)}`,
        )
        .join(' '),
    ];
  });
  const bold = (text: string): string => paint('bold', text);
  const right = 'right' as const;
  const left = 'left' as const;
  return [
    table(
      ['broker', 'address', 'state', 'leads', 'lag', 'on disk', 'up for', 'kept on'],
      brokerRows,
      [right, left, left, right, right, right, right, left],
      bold,
    ),
    '\n',
    table(['topic', 'leader', 'term', 'end', 'size', 'brokers: role or lag'], partitionRows, [left, left, right, right, right, left], bold),
    ...(problems.length === 0 ? [] : ['\n', ...problems.map((problem) => `${paint('red', 'Problem')}: ${escapeControls(problem)}\n`)]),
  ].join('');
}

/** Records that others show and this broker cannot show yet, all partitions. */
function lagOf(status: BrokerStatus, heard: readonly BrokerStatus[]): number {
  return sum(
    partitionsOf(status).map(({ name, partition }) => {
      const ends = heard.flatMap((other) =>
        partitionsOf(other)
          .filter((each) => each.name === name)
          .map((each) => each.partition.highWatermark),
      );
      return Math.max(0, Math.max(...ends) - partition.highWatermark);
    }),
  );
}

const lagText = (lag: number, partition: PartitionStatus): string =>
  partition.role === 'fenced' ? 'fenced' : lag <= 0 ? 'follows' : `-${lag}`;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** 93,784,000 ms -> "1d 2h". */
export function duration(ms: number): string {
  const all = Math.max(0, Math.floor(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(all / 86_400), 'd'],
    [Math.floor((all % 86_400) / 3600), 'h'],
    [Math.floor((all % 3600) / 60), 'm'],
    [all % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return '0s';
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value}${unit}`)
    .join(' ');
}
