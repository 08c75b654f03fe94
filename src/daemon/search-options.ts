import { formatHostPort, type HostPort } from '../base/host-port.ts';
import type { SearchOptions } from '../gateway/http/grep/index.ts';
import type { Searcher } from '../search/index.ts';
import { ProgramStarter } from '../search/start/index.ts';
import { systemBytes } from '../system/bytes.ts';
import { SystemClock } from '../system/clock.ts';
import { SystemDisk } from '../system/disk.ts';
import { ownModule } from '../system/package.ts';
import type { DaemonConfig, SearchConfig } from './config.ts';

/**
 * What searches find on this machine (topics, where it is a broker), and whom they ask: what the configuration names, and all brokers, or this machine where there
 * are none.
 */
export function searchOptions(
  { role, self, search, brokers, listen, tls, token }: DaemonConfig,
  topic: Searcher | null,
  partitionsOf: SearchOptions['partitionsOf'] = () => null,
): SearchOptions {
  const { name, machines } = search;
  const scheme = tls === null ? 'http' : 'https';
  const originOf = (address: HostPort): string => `${scheme}://${formatHostPort(address)}`;
  const members = (role === 'search' ? [listen] : brokers).map((address) => ({ name: null, origin: originOf(address) }));
  const others = members.filter(({ origin }) => !machines.some((machine) => machine.origin === origin));
  return {
    machine: name,
    searchers: { files: filesSearcher(search), topic },
    machines: [...machines, ...others],
    partitionsOf,
    own: role === 'search' ? null : originOf(self),
    token,
    // As between brokers: the certificate that all of them have, where none signs them.
    ca: tls === null ? null : (tls.ca ?? tls.cert),
  };
}

const host = { clock: new SystemClock(), bytes: systemBytes, filesIn: (folder: string) => new SystemDisk(folder, null, 'any') };

/** Loaded with the first search. What it starts programs with begins now, while this process has little memory to be copied. */
function filesSearcher({ name, exposures }: SearchConfig): Searcher {
  const starter = new ProgramStarter(ownModule('search/start/starter-process'));
  if (exposures.length > 0) starter.prepare();
  let searcher: Promise<Searcher> | null = null;
  return async (request, sink, signal) => {
    searcher ??= import('../search/files/index.ts').then(({ createFilesSearcher }) =>
      createFilesSearcher({ machine: name, exposures, host, starter }),
    );
    await (await searcher)(request, sink, signal);
  };
}
