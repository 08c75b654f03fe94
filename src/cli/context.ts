import path from 'node:path';
import type { Command } from 'commander';
import { parseServer } from '../client/servers.ts';
import { LogError } from '../eventlog/log-error.ts';
import { addExamples } from './command.ts';
import { readConnectOptions } from './connect-options.ts';
import { type Context, contextName, contextOf, type Contexts, contextsFile, readContexts, writeContexts } from './contexts.ts';
import { type CliIo, write } from './io.ts';
import { jsonOption } from './options.ts';
import { table } from './table.ts';

interface AddOptions {
  readonly server: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
  readonly use?: boolean;
  readonly replace?: boolean;
}

export function define(command: Command, io: CliIo): void {
  command.description(
    'Give clusters names. Commands use the context that --context or CAIRN_CONTEXT names, else the one in use; --server or CAIRN_SERVER leaves contexts out, ' +
      'their token with them. They are kept in ~/.config/cairn/contexts.json (or below XDG_CONFIG_HOME), for you alone.',
  );
  const add = command
    .command('add <name>')
    .summary('add a context')
    .description('Add a context. The first one is in use at once. Files are remembered by their paths, not copied.')
    .requiredOption('--server <url,...>', 'brokers to ask; the others are learnt from them')
    .option('--token-file <file>', 'file with the token that the brokers want')
    .option('--ca-file <file>', 'file with the certificates to trust, PEM')
    .option('--use', 'use it from now on')
    .option('--replace', 'in place of one of that name')
    .action((name: string, options: AddOptions) => addContext(parseName(name), options, io));
  addExamples(add, [
    { command: 'cairn context add local --server http://127.0.0.1:8000', does: 'brokers of this machine' },
    {
      command: 'cairn context add prod --server https://b1:8000,https://b2:8000 --token-file ~/prod.token --ca-file ~/prod.pem',
      does: 'with what they want',
    },
  ]);

  const use = command
    .command('use [name]')
    .summary('use a context from now on')
    .description('Use a context from now on, or none where no name is given.')
    .action((name: string | undefined) => useContext(name ?? null, io));
  addExamples(use, [
    { command: 'cairn context use prod', does: 'every command asks prod' },
    { command: 'cairn context use', does: 'and none any more' },
  ]);

  const list = command
    .command('list')
    .summary('list the contexts')
    .description('List the contexts, the one in use with a star.')
    .addOption(jsonOption('the contexts'))
    .action((options: { readonly json?: boolean }) => listContexts(options, io));
  addExamples(list, [{ command: 'cairn context list', does: 'one line a context' }]);

  const remove = command
    .command('remove <name>')
    .summary('remove a context')
    .description('Remove a context. Its files stay.')
    .action(async (name: string) => {
      const { current, contexts } = readContexts(io.env);
      contextOf(name, contexts);
      const { [name]: _removed, ...others } = contexts;
      writeContexts(io.env, { current: current === name ? null : current, contexts: others });
      await write(io.stdout, `Removed context "${name}"${current === name ? ', and none is in use now' : ''}\n`);
    });
  addExamples(remove, [{ command: 'cairn context remove local', does: 'the brokers are not touched' }]);
}

function parseName(name: string): string {
  if (contextName.test(name)) return name;
  throw new LogError('usage', 'Cannot add this context: its name is 1 to 64 characters of A-Z, a-z, 0-9, dot, dash, underscore');
}

async function addContext(name: string, { server, tokenFile, caFile, use, replace }: AddOptions, io: CliIo): Promise<void> {
  const before = readContexts(io.env);
  if (Object.hasOwn(before.contexts, name) && replace !== true)
    throw new LogError('usage', `Cannot add context "${name}": there is one, --replace replaces it`);
  const context: Context = {
    servers: server,
    ...(tokenFile === undefined ? {} : { tokenFile: path.resolve(tokenFile) }),
    ...(caFile === undefined ? {} : { caFile: path.resolve(caFile) }),
  };
  // What could not be used later is refused now.
  const { servers } = readConnectOptions(
    { server, ...(tokenFile === undefined ? {} : { tokenFile }), ...(caFile === undefined ? {} : { caFile }) },
    io,
  );
  for (const each of servers) parseServer(each);
  if (servers.length === 0) throw new LogError('usage', `Cannot add context "${name}": no server is named`);
  const isUsed = use === true || before.current === null;
  const after: Contexts = { current: isUsed ? name : before.current, contexts: { ...before.contexts, [name]: context } };
  writeContexts(io.env, after);
  await write(io.stdout, `Added context "${name}"${isUsed ? ', and it is in use' : ''}\n`);
}

async function useContext(name: string | null, io: CliIo): Promise<void> {
  const { contexts } = readContexts(io.env);
  if (name !== null) contextOf(name, contexts);
  writeContexts(io.env, { current: name, contexts });
  await write(io.stdout, name === null ? 'No context is in use\n' : `Context "${name}" is in use\n`);
  const { CAIRN_SERVER: server = '', CAIRN_CONTEXT: other = '' } = io.env;
  const first = server === '' ? (other === '' ? null : 'CAIRN_CONTEXT') : 'CAIRN_SERVER';
  if (first !== null) io.stderr.write(`${first} is set, and goes before it\n`);
}

async function listContexts({ json = false }: { readonly json?: boolean }, io: CliIo): Promise<void> {
  const { current, contexts } = readContexts(io.env);
  const all = Object.entries(contexts).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (json) {
    const shown = all.map(([name, context]) => ({ name, current: name === current, ...context }));
    await write(io.stdout, `${JSON.stringify(shown)}\n`);
    return;
  }
  if (all.length === 0) {
    io.stderr.write(
      `There is no context in ${contextsFile(io.env) ?? 'a home folder'}, add one with \`cairn context add NAME --server URL\`\n`,
    );
    return;
  }
  const rows = all.map(([name, { servers, tokenFile = '', caFile = '' }]) => [
    name === current ? '*' : '',
    name,
    servers,
    tokenFile,
    caFile,
  ]);
  await write(io.stdout, table(['', 'context', 'servers', 'token file', 'ca file'], rows, ['left', 'left', 'left', 'left', 'left']));
}
