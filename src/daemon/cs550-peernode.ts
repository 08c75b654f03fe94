/**
 * One peer of contract 3 alone, in this terminal. `compat/cs550/peernode` replaces itself by
 *
 *     node dist/daemon/cs550-peernode.js NODE [--data DIR] [--port N] [--broker-port N] [--listen HOST --insecure-listen]
 *
 * Peers with the same options are one cluster; it answers once five of the eight are there.
 */
import { errorCatalogue } from '../base/errors.ts';
import { LogError } from '../eventlog/index.ts';
import { Peers } from '../gateway/cs550/index.ts';
import { isAtTerminal } from './at-terminal.ts';
import { configurePeers, optionsHelp, peersCount, readPeerOptions } from './cs550/options.ts';
import { LogSink } from './log-sink.ts';
import { openLogger } from './logging.ts';
import { serve } from './serve.ts';
import { confirmCluster } from './up.ts';

const dataDefault = 'cs550-data';
const diagnostics = new LogSink(null);
const usage = 'peernode NODE [options], NODE one of 000 to 111';

try {
  await run();
} catch (error) {
  if (!(error instanceof LogError)) throw error;
  diagnostics.write(`${error.message}\n`);
  process.exitCode = errorCatalogue[error.code].exitCode;
}

async function run(): Promise<void> {
  const options = readPeerOptions(process.argv.slice(2), 'start the node');
  if (options.isHelp) {
    process.stdout.write(`usage: ${usage}\n\n${optionsHelp}\nWithout --data that is ./${dataDefault}.\n`);
    return;
  }
  const [node = '', ...more] = options.rest;
  const vertex = new Peers(peersCount).vertexOf(node);
  if (vertex < 0 || more.length > 0) throw new LogError('usage', `Cannot start the node: usage: ${usage}`);
  const data = options.data ?? dataDefault;
  const config = configurePeers(options, data)[vertex];
  if (config === undefined) throw new LogError('internal', `Cannot start the node: there is no peer ${node}`);
  const logger = await openLogger(config.log.level, config.log.file, { broker: config.self.id });
  await serve(config, logger, {
    endsWithTerminal: isAtTerminal(),
    onReady: () => confirmCluster(data, peersCount),
    onFatal: ({ message }, done) => {
      diagnostics.write(`${message}\n`);
      done();
    },
  });
}
