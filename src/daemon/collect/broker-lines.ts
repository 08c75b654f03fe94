import { formatHostPort } from '../../base/host-port.ts';
import type { BrokerApi } from '../../broker/index.ts';
import { type LogError, withPromises } from '../../eventlog/index.ts';
import { type AgentClocks, LimitedDiagnostics, LineGateway } from '../../gateway/lines/index.ts';
import type { Host } from '../../host/index.ts';
import { TopicStore } from '../../ingest/index.ts';
import { bindHost, isLoopback } from '../address.ts';
import type { DaemonConfig } from '../config.ts';
import { CollectedTopic } from './collected-topic.ts';

export interface BrokerLines {
  /** Of the agents that are connected, at most `max`. */
  agentClocks(max: number): AgentClocks;
  close(): void;
}

const tickMs = 5_000;

/** The line gateway inside a broker: what `cairn logger --topic` does, without printing, and a plain node waits where a logger would leave lines out. */
export async function startBrokerLines(
  { listen, topic, settings }: NonNullable<DaemonConfig['lines']>,
  broker: BrokerApi,
  { clock, bytes, logger }: Host,
  onFatal: (error: LogError) => void,
): Promise<BrokerLines> {
  const diagnostics = new LimitedDiagnostics(
    (kind, text) => logger.log('warn', 'lines', { kind, text }),
    () => performance.now(),
  );
  const newId = (): string => crypto.randomUUID();
  const store = new TopicStore({
    log: broker,
    clock,
    bytes,
    topic,
    limits: settings,
    whenFull: 'wait',
    tell: (kind, sentence) => diagnostics.tell(kind, sentence),
    topicIsGone: () => void collected.make(),
    newId,
  });
  const collected = new CollectedTopic(withPromises(broker), topic, {
    created: () => logger.log('info', 'topicCreated', { topic }),
    there: (partitions) => store.topicIsThere(partitions),
    // A broker without a place for lines is of use all the same: they wait, and whoever sends them.
    delayed: (error) => diagnostics.tell('topic', error.message),
  });
  const nowS = (): number => clock.wallMs() / 1000;
  const gateway = new LineGateway({
    host: bindHost(listen.host),
    port: listen.port,
    settings,
    sink: null,
    store,
    diagnostics,
    causes: broker.agents,
    nowS,
  });
  const tick = setInterval(() => diagnostics.flush(), tickMs);
  tick.unref();
  void collected.make();
  await new Promise<void>((resolve) => {
    gateway.listen((error) => {
      if (error !== null) onFatal(error);
      else noteListening(gateway.port);
      resolve();
    });
  });
  function noteListening(port: number): void {
    logger.log('info', 'linesListening', { host: listen.host, port, topic });
    if (isLoopback(listen.host)) return;
    const where = formatHostPort({ host: listen.host, port });
    logger.log('warn', 'insecureListen', {
      text: `Listening on ${where} without TLS or a token: whoever reaches it can send lines under any name`,
    });
  }
  return {
    agentClocks: (max) => gateway.agentClocks(max),
    close() {
      clearInterval(tick);
      collected.close();
      gateway.close(() => undefined);
      store.close(0, () => undefined);
    },
  };
}
