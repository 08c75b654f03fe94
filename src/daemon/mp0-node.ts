/**
 * The node of contract 1 as its course starts it: `compat/mp0/node` replaces itself by
 *
 *     node dist/daemon/mp0-node.js NAME ADDRESS PORT
 *
 * It reads standard input to its end, sends every line, and exits with 0, or with another code and one line on standard error.
 */
import { errorCatalogue } from '../base/errors.ts';
import { LogError } from '../eventlog/log-error.ts';
import { problemOfName } from '../gateway/lines/hello.ts';
import { runNode } from './collect/node.ts';

try {
  const [name = '', host = '', portText = '', ...more] = process.argv.slice(2);
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : -1;
  if (host === '' || port < 1 || port > 65_535 || more.length > 0)
    throw new LogError('usage', 'Cannot start the node: usage: node NAME ADDRESS PORT');
  const problem = problemOfName(Buffer.from(name));
  if (problem !== null) throw new LogError('usage', `Cannot start the node ${JSON.stringify(name)}: ${problem}`);
  await runNode({ name, host, port, input: process.stdin });
} catch (error) {
  if (!(error instanceof LogError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = errorCatalogue[error.code].exitCode;
}
