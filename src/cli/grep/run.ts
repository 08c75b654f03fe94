/** One search from the command line to the exit status, which is grep's. */
import { exitCodes } from '../../base/errors.ts';
import { escapeControls } from '../../base/escape.ts';
import { LogError } from '../../eventlog/log-error.ts';
import { type GrepCommand, parseGrep } from '../../query/parse.ts';
import type { SearchRequest } from '../../query/request.ts';
import { parseServer } from '../../client/servers.ts';
import { askEach, eachPartition, knownMachines, type Question, refusalOf, type Report, reportLines } from '../../search/ask/index.ts';
import { type CliIo, isColourful, write } from '../io.ts';
import { type ConnectOptions, defaultServer, readConnectOptions } from '../connect-options.ts';
import { reportError } from '../report-error.ts';
import { packageVersion } from '../../system/package.ts';
import { printer } from './print.ts';
import { type Known, machinesOf, requestsOf, text } from './request.ts';
import { summaryOf } from './summary.ts';

/** As grep's: whatever goes wrong is 2. */
const trouble = exitCodes.usage;
const none = exitCodes.failed;

export async function run(args: readonly string[], io: CliIo, printHelp: () => Promise<number>): Promise<number> {
  const parsed = parseGrep(args);
  if (!parsed.ok) {
    reportError(new LogError('usage', `Cannot search: ${parsed.error}`), args, 'grep', io);
    return trouble;
  }
  const command = parsed.value;
  if (command.own.has('help')) return printHelp();
  if (command.own.has('version')) {
    await write(io.stdout, `cairn ${packageVersion()}\n`);
    return exitCodes.ok;
  }
  try {
    return await search(command, io);
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    reportError(error, args, 'grep', io);
    return trouble;
  }
}

async function search(command: GrepCommand, io: CliIo): Promise<number> {
  const { own } = command;
  const isJson = own.has('json');
  const color = !isJson && (command.color === 'always' || (command.color === 'auto' && isColourful(io, io.stdout)));
  const [request, ...others] = requestsOf(command, color);
  const { servers, ...connect } = readConnectOptions(connectOptions(own), io);
  const connectTimeoutMs = millisecondsOf(own, 'connect-timeout') ?? connectTimeoutMsDefault;
  const options = { ...connect, connectTimeoutMs };
  // Who names a server means to have its answer; nobody need run where none is named.
  const unheard = servers[0] === defaultServer ? [] : servers.slice(0, 1).map((server) => ({ name: null, origin: parseServer(server) }));
  const { machines, replicas, areNamed } = await machinesOf(command, io, () => fromServers(servers, options), unheard);
  const questionOf = (each: SearchRequest): Question => ({ request: each, machines: each.source.kind === 'topic' ? replicas : machines });
  const [first, ...more] = await eachPartition(request, replicas, options);
  const behind = await Promise.all(others.map((each) => eachPartition(each, replicas, options)));
  const questions = [questionOf(first), ...[...more, ...behind.flat()].map(questionOf)] as const;
  if (own.has('explain')) {
    const { explain } = await import('./explain.ts');
    await write(io.stdout, questions.map(explain).join(''));
    return exitCodes.ok;
  }

  const timeoutMs = millisecondsOf(own, 'timeout');
  const interrupt = request.follow ? io.interrupt() : new AbortController().signal;
  const signal = timeoutMs === null ? interrupt : AbortSignal.any([interrupt, AbortSignal.timeout(timeoutMs)]);
  const windowMs = millisecondsOf(own, 'window') ?? windowMsDefault;
  const say = (line: string): void => void io.stderr.write(`${escapeControls(line)}\n`);
  if (request.follow) {
    say(`Following ${whatOf(questions)}: lines within ${windowMs / 1000} s are put in order of time, later ones begin with "late: "`);
  }
  const machineTimeoutMs = millisecondsOf(own, 'machine-timeout');
  const isQuiet = request.output.mode === 'quiet';
  const print = printer(request, { isJson, isRaw: own.has('raw') }, io);
  const onNote = (machine: string, note: string): void => say(`${machine}: ${note}`);
  const askOptions = { ...options, machineTimeoutMs, signal, areNamed, windowMs, onNote };
  const report = await askEach(questions, askOptions, print);
  // Ctrl-C is how following is meant to end.
  if (interrupt.aborted) return exitCodes.interrupted;
  if (isJson && !isQuiet) await write(io.stdout, reportLines(report));
  const refusal = refusalOf(report, areNamed);
  if (refusal?.code === 'invalidRequest') throw refusal;
  const status = statusOf(report, isQuiet);
  // What is quiet and answered has nothing to add, as grep's own -q.
  if (!isQuiet || status === trouble) io.stderr.write(summaryOf(report, command));
  if (refusal !== null) throw refusal;
  return status;
}

function whatOf(questions: readonly Question[]): string {
  const topics = questions.flatMap(({ request: { source } }) =>
    source.kind === 'topic' && (source.partition ?? 0) === 0 ? [`topic ${source.topic}`] : [],
  );
  const files = questions.find(({ request: { source } }) => source.kind === 'files');
  return [...(files === undefined ? [] : [`files on ${files.machines.length} machines`]), ...topics].join(', ');
}

const connectTimeoutMsDefault = 1_000;
const windowMsDefault = 1_000;

function connectOptions(own: GrepCommand['own']): ConnectOptions {
  const [server, tokenFile, caFile] = ['server', 'token-file', 'ca-file'].map((name) => text(own, name));
  return {
    ...(typeof server === 'string' ? { server } : {}),
    ...(typeof tokenFile === 'string' ? { tokenFile } : {}),
    ...(typeof caFile === 'string' ? { caFile } : {}),
    trace: own.has('trace'),
  };
}

/** The first server that answers says whom to ask. */
async function fromServers(servers: readonly string[], options: Parameters<typeof knownMachines>[1]): Promise<Known> {
  let failure: unknown = null;
  for (const server of servers) {
    try {
      const origin = parseServer(server);
      const machines = await knownMachines(origin, options);
      return { server: machines.find((machine) => machine.origin === origin) ?? { name: null, origin }, machines };
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

function millisecondsOf(own: GrepCommand['own'], name: string): number | null {
  const seconds = text(own, name);
  return seconds === null ? null : Math.ceil(Number(seconds) * 1000);
}

function statusOf({ isSelected, isComplete }: Report, isQuiet: boolean): number {
  if (isQuiet && isSelected) return exitCodes.ok;
  if (!isComplete) return trouble;
  return isSelected ? exitCodes.ok : none;
}
