import { request } from 'node:http';
import type { BrokerApi } from '../../broker/index.ts';
import { type LogError, withPromises, withSubscriptionPromises } from '../../eventlog/index.ts';
import { Peers, WireGateway, type WireGatewayOptions } from '../../gateway/cs550/index.ts';
import type { Host } from '../../host/index.ts';
import { formatHostPort } from '../../base/host-port.ts';
import { bindHost, isLoopback } from '../address.ts';
import type { DaemonConfig } from '../config.ts';
import { descriptorsMax, fitConnections } from '../descriptors.ts';
import { LineOutput } from './line-output.ts';

export interface BrokerWire {
  close(): void;
}

const recoverTimeoutMs = 2000;

/** The old wire of contract 3 inside a broker. What it tells of its work goes to standard output. */
export async function startBrokerWire(
  config: DaemonConfig & { readonly cs550: NonNullable<DaemonConfig['cs550']> },
  broker: BrokerApi,
  faults: WireGatewayOptions['faults'],
  { clock, logger }: Host,
  onFatal: (error: LogError) => void,
): Promise<BrokerWire> {
  const { self, faultInjection } = config;
  const { listen } = config.cs550;
  const settings = fitConnections(config.cs550.settings, descriptorsMax());
  const brokers = [...config.brokers].sort((a, b) => a.id - b.id);
  const output = new LineOutput(1);
  const gateway = new WireGateway({
    host: bindHost(listen.host),
    port: listen.port,
    vertex: brokers.findIndex(({ id }) => id === self.id),
    log: withPromises(broker),
    subscriptions: withSubscriptionPromises(broker.subscriptions),
    peers: new Peers(brokers.length),
    settings,
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs(),
    pause: (ms) => new Promise((resolve) => void clock.startTimer(ms, resolve)),
    newRequestId: () => crypto.randomUUID(),
    faults,
    faultInjection,
    recoverPeer: (vertex) => recoverBroker(brokers[vertex] as (typeof brokers)[number]),
    write: (line) => output.write(line),
  });
  await new Promise<void>((resolve) => {
    gateway.listen((error) => {
      if (error !== null) onFatal(error);
      else noteListening();
      resolve();
    });
  });
  return gateway;

  function noteListening(): void {
    const where = formatHostPort({ host: listen.host, port: gateway.port });
    logger.log('info', 'wireListening', { where });
    if (isLoopback(listen.host)) return;
    const text = `Listening on ${where} without TLS or a token: whoever reaches it can publish, delete topics and stop this node`;
    logger.log('warn', 'insecureListen', { text });
  }
}

/** Says over its own port that its acted crash is over; the reason why that could not be said, or null. */
function recoverBroker({ host, port }: { readonly host: string; readonly port: number }): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = request({ host, port, method: 'POST', path: '/recover', timeout: recoverTimeoutMs, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200 ? null : `its broker answers ${answer.statusCode ?? 'nothing'}`);
    });
    asked.on('timeout', () => asked.destroy(new Error('its broker does not answer')));
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED' ? 'its process has ended' : error.message));
    asked.end();
  });
}
