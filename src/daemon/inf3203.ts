/**
 * The server of contract 2 as its course starts it. `compat/inf3203/log-server.py` replaces itself by
 *
 *     node dist/daemon/inf3203.js <output_id> <host:port> <node1> ... <nodeN>
 *
 * in the course's working directory, with UV_THREADPOOL_SIZE and NODE_COMPILE_CACHE set as bin/launch.mjs does (src/daemon/inf3203.ts where dist/
 * is missing or old: Node 24 runs it as it is). The list of nodes includes the server itself. One port carries clients and peers. The log stays in
 * memory; `POST /exit` writes `output/{output_id}-server-{numeric host}{port}.csv`, a value a line, and ends the process. Fault injection is on.
 *
 * Little is loaded before the socket listens: no fastify, no logging library, no disk.
 */
import { lookup } from 'node:dns/promises';
import { mkdirSync } from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';
import { brokerId } from '../base/branded.ts';
import { formatHostPort, type HostPort } from '../base/host-port.ts';
import { defaultSettings } from '../broker/settings.ts';
import { defaultHttpSettings } from '../gateway/http/settings.ts';
import { bindHost, isLoopback, parseHostPort } from './address.ts';
import type { DaemonConfig } from './config.ts';
import { stderrLogger } from './logging.ts';
import { serve } from './serve.ts';

// What cannot be said is lost: a full disk under the redirected output is no reason to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const usage = 'log-server.py <output_id> <host:port> <node1> ... <nodeN>, the list including the server itself';

const fail = (reason: string): never => {
  process.stderr.write(`Cannot start the log server: ${reason}\n`);
  process.exit(2);
};

const [outputId = '', selfText = '', ...nodeTexts] = process.argv.slice(2);
if (outputId === '' || nodeTexts.length === 0) fail(`usage: ${usage}`);
const self = parse(selfText);
// Every server must give every other the same id, whatever the order of its list.
const nodes = [...new Set(nodeTexts.map((text) => formatHostPort(parse(text))))].sort();
const index = nodes.indexOf(formatHostPort(self));
if (index < 0) fail(`${selfText} is not in the list of nodes, usage: ${usage}`);

const address = isIP(self.host) === 4 ? self.host : (await lookup(self.host, { family: 4 })).address;
const exitFile = path.join('output', `${outputId}-server-${address}${self.port}.csv`);
mkdirSync('output', { recursive: true });

const brokers = nodes.map((text, at) => ({ id: brokerId(at + 1), ...parse(text) }));
const config: DaemonConfig = {
  role: 'broker',
  search: { name: formatHostPort(self), exposures: [], machines: [] },
  self: { id: brokerId(index + 1), ...self },
  brokers,
  listen: self,
  data: null,
  clusterId: null,
  token: null,
  secretsShown: [],
  peerSecret: null,
  tls: null,
  isInsecure: !isLoopback(self.host),
  faultInjection: true,
  // The course names a server by whatever name its list has.
  extraHosts: [selfText, `localhost:${self.port}`, `${address}:${self.port}`],
  tracing: { endpoint: null, sampleEvery: 0 },
  log: { level: 'warn', file: null },
  settings: defaultSettings,
  http: defaultHttpSettings,
  lines: null,
  cs550: null,
  logOnly: true,
  exitFile,
  // The course takes ports at random from those that the machine gives to outgoing connections: one that is in use now may be free in a moment.
  listenRetryMs: 1_500,
  // Who closes first keeps the port for a minute. The course's client needs each connection once and would do that, on ports that the next run may draw.
  closesWithAnswer: true,
};

// `info` tells of elections too: the lab counts them.
const logLevel = process.env['CAIRN_LOG_LEVEL'] === 'info' ? 'info' : 'warn';
await serve(config, stderrLogger(logLevel), {
  onFatal: (error, done) => process.stderr.write(`${error.message}\n`, () => done()),
});

/** `localhost` is bound as 127.0.0.1 and known as that to the others. */
function parse(text: string): HostPort {
  const parsed = parseHostPort(text);
  if (parsed === null) return fail(`${JSON.stringify(text)} is not of the form host:port`);
  return { host: bindHost(parsed.host), port: parsed.port };
}
