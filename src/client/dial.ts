/** Connections to brokers and machines, with TLS or without. Node's modules are loaded with the first of them: `--help` need not pay for them. */
import type net from 'node:net';
import type tls from 'node:tls';

/** Where a server is, from an origin such as http://127.0.0.1:8000. */
export interface Target {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  /** As the header `Host` has it. */
  readonly named: string;
}

export function targetOf(origin: string): Target {
  const { hostname, port, protocol, host } = new URL(origin);
  const isSecure = protocol === 'https:';
  return { isSecure, host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || (isSecure ? 443 : 80)), named: host };
}

export interface DialOptions {
  /** PEM text of the certificates to trust instead of the machine's. */
  readonly ca: string | null;
  /** Reads into one buffer, again and again. */
  readonly onread?: net.OnReadOpts;
}

/** Throws where the certificates are none. */
export function dial({ isSecure, host, port }: Target, { ca, onread }: DialOptions): net.Socket {
  const { connect, isIP } = process.getBuiltinModule('node:net');
  const common = { host, port, noDelay: true, keepAlive: true, ...(onread === undefined ? {} : { onread }) };
  if (!isSecure) return connect(common);
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const options = { ...common, ...servername, ALPNProtocols: ['http/1.1'], ...(ca === null ? {} : { ca }) };
  return process.getBuiltinModule('node:tls').connect(options as tls.ConnectionOptions);
}

export const codedError = (code: string, message: string): Error => Object.assign(new Error(message), { code });
