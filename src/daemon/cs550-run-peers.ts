/**
 * The eight peers of contract 3 as its author started them. `compat/cs550/run_peers` replaces itself by
 *
 *     node dist/daemon/cs550-run-peers.js [--data DIR] [--port N] [--broker-port N] [--listen HOST --insecure-listen]
 *
 * A process for each peer. One that dies is started again. SIGTERM and Ctrl-C end all of them; where this process is killed they go on by themselves.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { errorCatalogue } from '../base/errors.ts';
import { LogError } from '../eventlog/index.ts';
import { Peers } from '../gateway/cs550/index.ts';
import { isAtTerminal } from './at-terminal.ts';
import { LineOutput } from './cs550/line-output.ts';
import { configurePeers, optionsHelp, peersCount, readPeerOptions } from './cs550/options.ts';
import { LogSink } from './log-sink.ts';
import { Supervisor } from './supervisor.ts';
import { confirmCluster, outputFile } from './up.ts';

const output = new LineOutput(1);
const diagnostics = new LogSink(null);
const say = (line: string): void => diagnostics.write(`${line}\n`);

try {
  await run();
} catch (error) {
  if (!(error instanceof LogError)) throw error;
  say(error.message);
  process.exitCode = errorCatalogue[error.code].exitCode;
}

async function run(): Promise<void> {
  const options = readPeerOptions(process.argv.slice(2), 'start the peers');
  if (options.isHelp) {
    output.write(
      `usage: run_peers [options]\n\n${optionsHelp}\nWithout --data they begin with an empty folder, which is removed at the end.\n`,
    );
    return;
  }
  if (options.rest.length > 0)
    throw new LogError('usage', `Cannot start the peers: there is nothing to be done with ${options.rest.join(' ')}`);
  const folder = options.data === null ? mkdtempSync(path.join(tmpdir(), 'cairn-cs550-')) : null;
  const data = options.data ?? (folder as string);
  try {
    await supervise(configurePeers(options, data), data);
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}

async function supervise(configs: ReturnType<typeof configurePeers>, data: string): Promise<void> {
  const supervisor = new Supervisor({
    configs,
    outputFile: (id) => outputFile(data, id),
    restart: true,
    outlivesSupervisor: true,
    onOutput: (lines) => output.write(lines),
    onLed: () => confirmCluster(data, peersCount),
    onReady: () => undefined,
    say,
  });
  const stop = (): void => supervisor.stop();
  process.on('SIGINT', stop).on('SIGTERM', stop);
  // As with `cairn up`.
  process.on('SIGHUP', isAtTerminal() ? stop : () => supervisor.reopenLogs());
  const ended = supervisor.run();
  const peers = new Peers(peersCount);
  for (const [vertex, { cs550 }] of configs.entries())
    output.write(`Started node ${peers.label(vertex)} on port ${cs550?.listen.port ?? 0}\n`);
  await ended;
}
