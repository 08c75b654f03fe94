/** What `run_peers` and `peernode` are told, and the brokers' configurations from it. */
import { parseArgs } from 'node:util';
import { formatHostPort } from '../../base/host-port.ts';
import { LogError } from '../../eventlog/index.ts';
import { defaultWireSettings } from '../../gateway/cs550/settings.ts';
import { isLoopback } from '../address.ts';
import type { DaemonConfig } from '../config.ts';
import { prepareCluster } from '../up.ts';

/** The contract's peers: `000` to `111`. */
export const peersCount = 8;

const portDefault = 8000;
const brokerPortDefault = 18_000;

export interface PeerOptions {
  /** Null: an empty folder that nobody keeps. */
  readonly data: string | null;
  /** Of peer 000 on the old wire; the others have those that follow. */
  readonly port: number;
  /** Of its broker: what brokers say to one another, and HTTP. */
  readonly brokerPort: number;
  readonly host: string;
  readonly isInsecure: boolean;
  readonly isHelp: boolean;
  readonly rest: readonly string[];
}

export const optionsHelp = `  --data DIR         where the peers keep their data
  --port N           the old wire: node 000 at port N, the others at those that follow (default ${portDefault})
  --broker-port N    the brokers' own ports, in the same way (default ${brokerPortDefault})
  --listen HOST      take the old wire beyond loopback, which needs --insecure-listen: it has neither token nor TLS
  --insecure-listen  whoever reaches the ports may publish, delete topics and stop nodes
`;

/** @param doing what cannot be done, as in `start the peers` */
export function readPeerOptions(args: readonly string[], doing: string): PeerOptions {
  const refuse = (reason: string): LogError => new LogError('usage', `Cannot ${doing}: ${reason}`);
  const { values, positionals } = parse(args, refuse);
  const portOf = (name: 'port' | 'broker-port', otherwise: number): number => {
    const text = values[name];
    if (text === undefined) return otherwise;
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (port < 1 || port + peersCount - 1 > 65_535)
      throw refuse(`--${name} is a port that ${peersCount - 1} more follow, not ${JSON.stringify(text)}`);
    return port;
  };
  const port = portOf('port', portDefault);
  const brokerPort = portOf('broker-port', brokerPortDefault);
  if (Math.abs(port - brokerPort) < peersCount) throw refuse(`the ports from ${port} and from ${brokerPort} on are in part the same`);
  const { data = null, listen: host = '127.0.0.1', 'insecure-listen': isInsecure = false, help: isHelp = false } = values;
  if (!isLoopback(host) && !isInsecure) {
    const reason =
      'that is beyond loopback, and this wire has neither token nor TLS: use --insecure-listen if whoever reaches it may do everything';
    throw new LogError('insecureListen', `Cannot listen on ${formatHostPort({ host, port })}: ${reason}`);
  }
  return { data, port, brokerPort, host, isInsecure, isHelp, rest: positionals };
}

function parse(args: readonly string[], refuse: (reason: string) => LogError) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        data: { type: 'string' },
        port: { type: 'string' },
        'broker-port': { type: 'string' },
        listen: { type: 'string' },
        'insecure-listen': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw refuse((error as Error).message.split('. ', 1)[0] as string);
  }
}

/** Fault injection is on: `stop_node` is part of the wire. Brokers stay on loopback, wherever the wire listens. */
export function configurePeers({ port, brokerPort, host }: PeerOptions, data: string): readonly DaemonConfig[] {
  const brokers = prepareCluster({ brokerCount: peersCount, data, port: brokerPort, faultInjection: true });
  return brokers.map((config, vertex) => ({ ...config, cs550: { listen: { host, port: port + vertex }, settings: defaultWireSettings } }));
}
