/** A server that only answers searches, as a process: no data, no other brokers, ready as soon as it listens. */
import { Spans } from '../broker/spans.ts';
import { SearchFront } from '../gateway/http/grep/index.ts';
import { hashToken } from '../gateway/http/guards.ts';
import type { Logger } from '../host/index.ts';
import { SystemClock } from '../system/clock.ts';
import { bindHost } from './address.ts';
import type { DaemonConfig } from './config.ts';
import { descriptorsMax, fitHttp } from './descriptors.ts';
import { warnInsecure } from './warn-insecure.ts';
import type { Daemon, DaemonHooks } from './lifecycle.ts';
import { packageVersion } from '../system/package.ts';
import { systemRandom } from '../system/random.ts';
import { searchOptions } from './search-options.ts';

export function startSearch(config: DaemonConfig, logger: Logger, hooks: DaemonHooks): Daemon {
  const { listen, tls, token, extraHosts, listenRetryMs, search } = config;
  const clock = new SystemClock();
  const front = new SearchFront({
    ...searchOptions(config, null),
    version: packageVersion(),
    logger,
    clock,
    spans: new Spans(search.name, clock, systemRandom),
    settings: fitHttp(config.http, descriptorsMax()),
    host: bindHost(listen.host),
    port: listen.port,
    listenRetryMs,
    tls,
    ownNames: [listen.host],
    extraHosts,
    tokenHash: token === null ? null : hashToken(token),
  });
  warnInsecure(config, logger);
  front.listen((error) => {
    if (error !== null) {
      hooks.onFatal(error);
      return;
    }
    hooks.onListening?.(front.port);
    hooks.onReady?.();
    // The first search waits for nothing.
    setImmediate(() => void import('../search/files/index.ts'));
  });
  return { stop: (_graceMs, done) => front.close(done) };
}
