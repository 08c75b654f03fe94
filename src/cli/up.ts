import path from 'node:path';
import type { Command } from 'commander';
import { shellWord } from '../base/shell-word.ts';
import { exitCodes } from '../base/errors.ts';
import { isAtTerminal } from '../daemon/at-terminal.ts';
import { Supervisor } from '../daemon/supervisor.ts';
import { confirmCluster, exampleFile, outputFile, prepareCluster } from '../daemon/up.ts';
import { brokersMax } from '../eventlog/types.ts';
import { typedCommand } from '../system/package.ts';
import { addExamples } from './command.ts';
import type { CliIo } from './io.ts';
import { defaultServer } from './connect-options.ts';
import { integer } from './options.ts';

interface UpFlags {
  readonly brokers: number;
  readonly data: string;
  readonly port: number;
  readonly restart: boolean;
  readonly faultInjection?: boolean;
}

const patienceMs = 10_000;

export function define(command: Command, io: CliIo): void {
  command
    .option('--brokers <count>', 'how many', integer(1, brokersMax), 3)
    .option('--data <dir>', 'where their data is; begun when missing, resumed when there', './cairn-data')
    .option('--port <port>', 'port of the first; the others follow', integer(1, 65_535), 8000)
    .option('--no-restart', 'leave a broker down that has died')
    .option('--fault-injection', 'let `cairn fault` make faults on purpose')
    .action((flags: UpFlags) => up(flags, io));
  addExamples(command, [
    { command: 'cairn up', does: 'three brokers, page on http://127.0.0.1:8000' },
    { command: 'cairn up --brokers 5 --port 9000 --data /tmp/five', does: 'five, elsewhere' },
  ]);
}

async function up({ brokers, data, port, restart, faultInjection }: UpFlags, io: CliIo): Promise<void> {
  io.becomeService();
  const say = (line: string): void => void io.stderr.write(`${line}\n`);
  const configs = prepareCluster({ brokerCount: brokers, data, port, faultInjection: faultInjection === true });
  const waiting = setTimeout(() => say(`Still waiting for the brokers to be ready, see ${path.join(data, 'broker-*.log')}`), patienceMs);
  waiting.unref();
  const supervisor = new Supervisor({
    configs,
    outputFile: (id) => outputFile(data, id),
    restart,
    outlivesSupervisor: false,
    onOutput: null,
    say,
    onLed: () => confirmCluster(data, brokers),
    onReady: () => {
      clearTimeout(waiting);
      io.stdout.write(welcome(brokers, data, port));
    },
  });
  stopOnSignals(supervisor);
  await supervisor.run();
  clearTimeout(waiting);
}

/** The first signal ends the brokers gently, the second at once. Away from a terminal SIGHUP means their log files, as with `cairn serve`. */
function stopOnSignals(supervisor: Supervisor): void {
  let count = 0;
  const isLogsOnly = !isAtTerminal();
  if (isLogsOnly) process.on('SIGHUP', () => supervisor.reopenLogs());
  for (const signal of ['SIGINT', 'SIGTERM', ...(isLogsOnly ? [] : (['SIGHUP'] as const))] as const) {
    process.on(signal, () => {
      if (++count === 1) {
        supervisor.stop();
        return;
      }
      supervisor.kill();
      process.exit(exitCodes.interrupted);
    });
  }
}

function welcome(brokers: number, data: string, port: number): string {
  const server = `http://127.0.0.1:${port}`;
  const where = server === defaultServer ? '' : ` --server ${server}`;
  const count = brokers === 1 ? 'One broker is' : `${brokers} brokers are`;
  return [
    `${count} ready, data in ${data}. The page: ${server}`,
    '',
    `  ${typedCommand} read cairn.events --follow${where}`,
    `  ${typedCommand} append log -${where} < ${quoted(exampleFile())}`,
    `  ${typedCommand} tour`,
    '',
    'Ctrl-C stops.',
    '',
  ].join('\n');
}

/** As a shell takes it. */
function quoted(file: string): string {
  const shown = path.relative(process.cwd(), file);
  const short = shown.startsWith('..') ? file : shown;
  return shellWord(short);
}
