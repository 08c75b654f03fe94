import { styleText } from 'node:util';
import type { Command } from 'commander';
import { exitCodes } from '../base/errors.ts';
import { type BrokerList, Client } from '../client/index.ts';
import { type ClusterView, linkFaultTexts } from '../eventlog/index.ts';
import { type BrokerStatus, type PartitionStatus, partitionName, statusTopicsMax, worstTopicsMax } from '../eventlog/types.ts';
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
  readonly all?: boolean;
  readonly prefix?: string;
}

export function define(command: Command, io: CliIo): void {
  command
    .option('--prefix <start>', 'the topics whose names begin so')
    .option('--all', `all topics, where there are more than ${statusTopicsMax}`)
    .addOption(jsonOption('the brokers'))
    .action((options: StatusOptions) =>
      withClient(options, io, {}, async (client) => {
        const isWhole = options.all === true || options.prefix !== undefined;
        const told = isWhole ? await allPages(client, options.prefix ?? '') : await client.brokers();
        const brokers = await askStrayed(told, schemeOf(client.servers), options, io);
        const problems = findProblems(brokers, options.all === true);
        if (options.json === true) await write(io.stdout, `${JSON.stringify({ brokers, problems })}\n`);
        else
          await write(io.stdout, formatStatus(brokers, problems, { isAll: options.all === true, isColourful: isColourful(io, io.stdout) }));
        if (problems.length > 0) throw new ExitWith(exitCodes.failed);
      }),
    );
  addConnectOptions(command);
  command.addHelpText(
    'after',
    `
A topic of several partitions has a line for each, NAME/0, NAME/1 and so on, and counts for so many topics. Of more than ${statusTopicsMax} topics each broker shows those in trouble, those furthest behind and the largest, up to ${worstTopicsMax} of each; the sums are of all.

Exit code 1 when a broker is missing, acts as crashed, refuses another, has a fault by hand, or something is fenced or cannot be read; the table is printed all the same.`,
  );
  addExamples(command, [
    { command: 'cairn status', does: 'of the brokers on this machine' },
    { command: 'cairn status --prefix orders.', does: 'with the topics whose names begin so' },
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

/** Page by page: a broker may not know a topic yet that another one has, so the next page begins where the first of them ended. */
async function allPages(client: ClusterView, prefix: string): Promise<BrokerList> {
  const whole = new Map<
    number,
    { readonly broker: BrokerList[number]; readonly partitions: Map<string, BrokerStatus['partitions'][number]> }
  >();
  for (let after: string | null = ''; after !== null; ) {
    const page: BrokerList = await client.brokers({ prefix, after, limit: statusTopicsMax });
    const ends: string[] = [];
    for (const broker of page) {
      const known = whole.get(broker.id);
      const partitions = known?.partitions ?? new Map<string, BrokerStatus['partitions'][number]>();
      for (const partition of broker.status?.partitions ?? []) partitions.set(partitionName(partition), partition);
      // One that falls silent meanwhile has said what it has said.
      whole.set(broker.id, { broker: broker.status === null && known !== undefined ? known.broker : broker, partitions });
      const next = broker.status?.topics?.next ?? null;
      if (next !== null && next > after) ends.push(next);
    }
    after = ends.toSorted()[0] ?? null;
  }
  return [...whole.values()].map(({ broker, partitions }) => {
    if (broker.status === null) return broker;
    return { ...broker, status: { ...broker.status, partitions: [...partitions.values()] } };
  });
}

/** No topic is called so. */
const catalogName = '(catalog)';

interface View {
  readonly id: number;
  readonly status: BrokerStatus;
  readonly partitions: ReadonlyMap<string, PartitionStatus>;
  /** What it shows is all that it has. */
  readonly isWhole: boolean;
}

/** `isAll`: all topics were asked for. */
const viewsOf = (brokers: BrokerList, isAll: boolean): readonly View[] =>
  brokers.flatMap(({ id, status }) => {
    if (status === null) return [];
    const { catalog, partitions, topics } = status;
    const named = partitions.map((partition): [string, PartitionStatus] => [partitionName(partition), partition]);
    return [
      {
        id,
        status,
        partitions: new Map([[catalogName, catalog], ...named]),
        isWhole: isAll || topics === undefined || topics.shown === topics.count,
      },
    ];
  });

const called = (name: string): string => (name === catalogName ? 'the catalog' : `topic "${name}"`);

/** Everything that keeps this status from being whole (design, promise 5), each as a sentence. */
export function findProblems(brokers: BrokerList, isAll = false): readonly string[] {
  const problems: string[] = [];
  const views = new Map(viewsOf(brokers, isAll).map((view) => [view.id, view]));
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
    const { partitions, isWhole } = views.get(id) as View;
    for (const [name, partition] of partitions) {
      if (partition.fenced !== null) problems.push(`broker ${id}: ${called(name)} is fenced: ${partition.fenced}`);
      const { unreadableRanges } = partition;
      const ranges = unreadableRanges === 1 ? 'a range' : `${unreadableRanges} ranges`;
      if (unreadableRanges > 0)
        problems.push(`broker ${id}: ${called(name)}: its disk refuses to read ${ranges}, its log (\`rangeUnreadable\`) says where`);
    }
    if (!isWhole) problems.push(...unnamed(id, status));
  }
  for (const name of namesOf([...views.values()])) {
    const isSeen = [...views.values()].some((view) => !view.isWhole && (view.partitions.get(name)?.leader ?? null) !== null);
    if (!isSeen && findLeader([...views.values()], name) === null) problems.push(`${called(name)} has no leader`);
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

/** Of topics in trouble that are not shown, how many there are. */
function unnamed(id: number, { topics, partitions }: BrokerStatus): readonly string[] {
  if (topics === undefined) return [];
  const beside = (all: number, isShown: (partition: PartitionStatus) => boolean): number =>
    Math.max(0, all - partitions.filter((partition) => isShown(partition)).length);
  const fenced = beside(topics.fenced, (partition) => partition.fenced !== null);
  const unreadable = beside(topics.unreadable, (partition) => partition.unreadableRanges > 0);
  const leaderless = beside(topics.leaderless, (partition) => partition.fenced === null && partition.leader === null);
  const more = (number: number): string => `${count(number)} more ${number === 1 ? 'topic' : 'topics'}`;
  return [
    ...(fenced > 0 ? [`broker ${id}: ${more(fenced)} ${fenced === 1 ? 'is' : 'are'} fenced`] : []),
    ...(unreadable > 0 ? [`broker ${id}: its disk refuses to read ranges of ${more(unreadable)}`] : []),
    ...(leaderless > 0 ? [`broker ${id} knows no leader of ${more(leaderless)}`] : []),
  ];
}

/** What brokers that answer say of the link to one of them. */
const tellings = (brokers: BrokerList, id: number): string[] =>
  brokers.flatMap(({ id: by, status }) => {
    const problem = status?.crashed === true ? null : (status?.peers.find((peer) => peer.id === id)?.problem ?? null);
    return problem === null ? [] : [`broker ${by} says of broker ${id}: ${problem}`];
  });

/** Topics as they come, each with its partitions in their order. */
function namesOf(views: readonly View[]): ReadonlySet<string> {
  const topics = new Map<string, [string, number][]>();
  for (const name of new Set(views.flatMap(({ partitions }) => [...partitions.keys()]))) {
    const [topic = name, number = '0'] = name.split('/');
    const known = topics.get(topic);
    if (known === undefined) topics.set(topic, [[name, Number(number)]]);
    else known.push([name, Number(number)]);
  }
  return new Set([...topics.values()].flatMap((names) => names.toSorted(([, a], [, b]) => a - b).map(([name]) => name)));
}

/** The broker that leads by its own account in the highest term: an old leader may not know yet that it is none. */
function findLeader(views: readonly View[], name: string): number | null {
  let leader: { readonly id: number; readonly term: number } | null = null;
  for (const { id, partitions } of views) {
    const partition = partitions.get(name);
    if (partition?.role === 'leader' && (leader === null || partition.term > leader.term)) leader = { id, term: partition.term };
  }
  return leader?.id ?? null;
}

/** As one that does not show it itself is known to the others. */
function leaderHeard(views: readonly View[], name: string): number | null {
  const own = findLeader(views, name);
  if (own !== null) return own;
  const heard = views.flatMap(({ isWhole, partitions }) => (isWhole ? [] : [partitions.get(name)?.leader ?? null]));
  return heard.find((id) => id !== null) ?? null;
}

interface Look {
  /** All topics were asked for. */
  readonly isAll: boolean;
  readonly isColourful: boolean;
}

function formatStatus(brokers: BrokerList, problems: readonly string[], { isAll, isColourful: colourful }: Look): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    colourful ? styleText(format, text, { validateStream: false }) : text;
  const views = viewsOf(brokers, isAll);
  const names = [...namesOf(views)];
  const leaders = new Map(names.map((name) => [name, leaderHeard(views, name)]));
  const ends = new Map(names.map((name) => [name, Math.max(...views.map(({ partitions }) => partitions.get(name)?.highWatermark ?? 0))]));
  const brokerRows = brokers.map(({ id, address, status }) => {
    const view = views.find((each) => each.id === id);
    if (status === null || view === undefined) return [String(id), address, paint('red', 'missing'), '', '', '', '', ''];
    const { topics, catalog } = status;
    const isCounted = topics !== undefined && !view.isWhole;
    const leads = isCounted ? topics.leads + Number(catalog.role === 'leader') : names.filter((name) => leaders.get(name) === id).length;
    return [
      String(id),
      address,
      paint(status.crashed ? 'red' : status.linkFaults === undefined ? 'green' : 'yellow', stateOf(status)),
      count(leads),
      count(isCounted ? behindOf(id, views) : lagOf(view, ends)),
      bytes(isCounted ? topics.sizeBytes + catalog.sizeBytes : sum([...view.partitions.values()].map(({ sizeBytes }) => sizeBytes))),
      duration(Date.now() - status.startedMs),
      status.durable ? 'disk' : paint('yellow', 'memory only'),
    ];
  });
  const partitionRows = names.map((name) => {
    const leader = leaders.get(name) ?? null;
    const shown = views.flatMap(({ partitions }) => partitions.get(name) ?? []);
    const end = ends.get(name) ?? 0;
    return [
      name,
      leader === null ? paint('red', 'none') : `broker ${leader}`,
      String(Math.max(...shown.map(({ term }) => term))),
      count(end),
      bytes(Math.max(...shown.map(({ sizeBytes }) => sizeBytes))),
      views
        .filter(({ id }) => shown.some(({ replicas }) => replicas.includes(id)))
        .map((view) => `${view.id}:${roleOrLag(view, name, end)}`)
        .join(' '),
    ];
  });
  const bold = (text: string): string => paint('bold', text);
  const right = 'right' as const;
  const left = 'left' as const;
  const known = Math.max(0, ...views.map(({ status }) => status.topics?.count ?? 0));
  const topicsShown = new Set(views.flatMap(({ status }) => status.partitions.map(({ topic }) => topic)));
  const more = known - topicsShown.size;
  return [
    table(
      ['broker', 'address', 'state', 'leads', 'lag', 'on disk', 'up for', 'kept on'],
      brokerRows,
      [right, left, left, right, right, right, right, left],
      bold,
    ),
    '\n',
    table(['topic', 'leader', 'term', 'end', 'size', 'brokers: role or lag'], partitionRows, [left, left, right, right, right, left], bold),
    ...(more > 0 ? [`and ${count(more)} more of ${count(known)} topics: --all or --prefix shows them\n`] : []),
    ...(problems.length === 0 ? [] : ['\n', ...problems.map((problem) => `${paint('red', 'Problem')}: ${escapeControls(problem)}\n`)]),
  ].join('');
}

/** Records that others show and this broker cannot show yet, all partitions. */
const lagOf = ({ partitions }: View, ends: ReadonlyMap<string, number>): number =>
  sum([...partitions].map(([name, { highWatermark }]) => Math.max(0, (ends.get(name) ?? 0) - highWatermark)));

/** By how much it is behind, as those say who lead. */
const behindOf = (id: number, views: readonly View[]): number =>
  sum(views.flatMap(({ status }) => (status.topics?.behind ?? []).filter(({ broker }) => broker === id).map(({ offsets }) => offsets)));

function roleOrLag({ partitions, isWhole }: View, name: string, end: number): string {
  const partition = partitions.get(name);
  if (partition === undefined) return isWhole ? '?' : '…';
  return partition.role === 'leader' ? 'leader' : lagText(end - partition.highWatermark, partition);
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
