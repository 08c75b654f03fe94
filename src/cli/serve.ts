import type { Command } from 'commander';
import { formatHostPort } from '../base/host-port.ts';
import { isAtTerminal } from '../daemon/at-terminal.ts';
import { readConfig } from '../daemon/config.ts';
import { openLogger } from '../daemon/logging.ts';
import { serve } from '../daemon/serve.ts';
import { settingsTable } from '../daemon/settings-table.ts';
import { addExamples } from './command.ts';
import type { CliIo } from './io.ts';
import { errorText } from './report-error.ts';
import { integer } from './options.ts';

export function define(command: Command, io: CliIo): void {
  command.option('--config <file>', 'configuration file, YAML (env: CAIRN_CONFIG)');
  for (const { flag, help, env, rule } of settingsTable) {
    if (flag === null) continue;
    const plain = help.split(/[;:(]/, 1)[0]?.replaceAll('`', '').trim() ?? help;
    const shown = `${rule.is === 'choice' ? rule.of.join(', ') : plain}${env === null ? '' : ` (env: ${env})`}`;
    // A list can be given piece by piece.
    if (rule.is === 'list' || rule.is === 'files')
      command.option(flag, shown, (value: string, before: string | undefined) => (before === undefined ? value : `${before},${value}`));
    else command.option(flag, shown);
  }
  command
    .option('--port <port>', 'listen on this port of 127.0.0.1', integer(1, 65_535))
    .option(
      '--insecure-listen <host:port>',
      'listen beyond loopback without a token: anyone who reaches the port can read and write everything',
    )
    .action(async (options: Readonly<Record<string, string | boolean | number>>) => {
      const flags = flagsByKey(command, options);
      const config = readConfig({ file: (options['config'] as string | undefined) ?? io.env['CAIRN_CONFIG'] ?? null, env: io.env, flags });
      io.becomeService();
      const logger = await openLogger(config.log.level, config.log.file, { broker: config.self.id });
      const scheme = config.tls === null ? 'http' : 'https';
      const where = config.data === null ? 'its log in memory' : `its data in ${config.data}`;
      const files = [...new Set(config.search.exposures.map(({ name }) => name))].join(', ');
      const isSearch = config.role === 'search';
      const who = isSearch ? config.search.name : `Broker ${config.self.id}`;
      const what = isSearch ? `files to search: ${files === '' ? 'none' : files}` : where;
      // The log warns too; here where nobody would see it there.
      if (config.isInsecure && config.log.file !== null)
        io.stderr.write(
          `Listening on ${formatHostPort(config.listen)} without a token: whoever reaches it can read and write everything\n`,
        );
      await serve(config, logger, {
        endsWithTerminal: isAtTerminal(),
        onReady: () => void io.stdout.write(`${who} is ready on ${scheme}://${formatHostPort(config.listen)}, ${what}\n`),
        onFatal: (error, done) => void io.stderr.write(`${errorText(error, 'serve')}\n`, () => done()),
      });
    });
  addExamples(command, [
    { command: 'cairn serve --config cairn.yaml', does: 'one broker of a cluster on several machines' },
    { command: 'cairn serve --port 9000 --data /var/lib/cairn', does: 'a cluster of one' },
    { command: "cairn serve --role search --port 9000 --files 'app=/var/log/app*.log'", does: 'a server that only answers searches' },
  ]);
}

/** Values of flags by the key of the settings table. */
function flagsByKey(command: Command, options: Readonly<Record<string, string | boolean | number>>): Record<string, string | boolean> {
  const flags: Record<string, string | boolean> = {};
  for (const { key, flag } of settingsTable) {
    const option = command.options.find((candidate) => candidate.flags === flag);
    const value = option === undefined ? undefined : options[option.attributeName()];
    if (typeof value === 'string' || typeof value === 'boolean') flags[key] = value;
  }
  if (options['port'] !== undefined) flags['listen'] = `127.0.0.1:${options['port']}`;
  const insecure = options['insecureListen'];
  if (typeof insecure === 'string') {
    flags['listen'] = insecure;
    flags['insecureListen'] = true;
  }
  return flags;
}
