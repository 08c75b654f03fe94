import { formatHostPort } from '../base/host-port.ts';
import type { Logger } from '../host/index.ts';
import type { DaemonConfig } from './config.ts';

/** Once, at the start. */
export function warnInsecure({ listen }: DaemonConfig, logger: Logger): void {
  const text = `listening on ${formatHostPort(listen)} without a token: whoever reaches this port can read and write everything`;
  logger.log('warn', 'insecureListen', { text });
}
