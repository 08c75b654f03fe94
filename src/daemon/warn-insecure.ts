import { formatHostPort } from '../base/host-port.ts';
import type { Logger } from '../host/index.ts';
import type { DaemonConfig } from './config.ts';
import { openToOthers } from './open-to-others.ts';

/** What is less closed than it could be: each once, at the start, when the data directory is there. */
export function warnInsecure(config: DaemonConfig, logger: Logger): void {
  const { listen, brokers, token, peerSecret, data, secretsShown, role, logOnly } = config;
  const warn = (event: string, text: string): void => logger.log('warn', event, { text });
  if (config.isInsecure)
    warn(
      'insecureListen',
      `listening on ${formatHostPort(listen)} without a token: whoever reaches this port can read and write everything`,
    );
  else if (brokers.length > 1 && token === null && peerSecret === null && role === 'broker' && !logOnly)
    warn('peersUnproven', 'brokers without a token: any program of this machine can pass for one of them, give all of them a token file');
  for (const file of secretsShown) warn('openToOthers', `${file} can be read by everybody on this machine: chmod o= ${file}`);
  if (data === null || role === 'search') return;
  const open = openToOthers(data);
  if (open !== null)
    warn(
      'openToOthers',
      `the data directory ${data} can be ${open === 'write' ? 'changed' : 'read'} by everybody on this machine: chmod o= ${data}`,
    );
}
