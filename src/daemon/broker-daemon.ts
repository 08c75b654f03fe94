/**
 * One broker as a process: the machine, the broker and its HTTP gateway, wired together. The socket listens first; then the data is opened; the
 * broker is ready once `log` has a leader.
 */
import { formatHostPort } from '../base/host-port.ts';
import { Broker, type BrokerApi, type BrokerOptions } from '../broker/index.ts';
import { type AgedSample, LogError, withPromises } from '../eventlog/index.ts';
import { createHttpGateway, type Front, type GatewayOptions, hashToken } from '../gateway/http/index.ts';
import type { Logger } from '../host/index.ts';
import { ProgramStarter } from '../search/start/index.ts';
import { createTopicsSearcher, GnuGrep, ownScanner, workerScanner } from '../search/topics/index.ts';
import { createSystemHost, type SystemHost } from '../system/index.ts';
import { ownModule, packageVersion, pageFolder } from '../system/package.ts';
import { bindHost, peersFrom } from './address.ts';
import type { BrokerLines } from './collect/broker-lines.ts';
import type { BrokerWire } from './cs550/broker-wire.ts';
import type { DaemonConfig } from './config.ts';
import { descriptorsMax, fitHttp, fitConnections } from './descriptors.ts';
import { warnInsecure } from './warn-insecure.ts';
import { History } from './history.ts';
import type { Daemon, DaemonHooks } from './lifecycle.ts';
import type { SpanExport } from './span-export.ts';
import { makeFolder } from './make-folder.ts';
import { folderReason, folderReasonOfText } from './reasons.ts';
import { searchOptions } from './search-options.ts';

/** Before it stops it hands leadership over. */
export interface RunningDaemon extends Daemon {
  readonly broker: BrokerApi;
}

const readyPollMs = 10;
/** Time for answers that are under way when the broker has closed. */
const answersGraceMs = 300;

export async function startBroker(config: DaemonConfig, logger: Logger, hooks: DaemonHooks): Promise<RunningDaemon> {
  if (config.data !== null) makeDataFolder(config.data);
  const { tls, brokers, token } = config;
  const peerTls = tls === null ? null : { ...tls, ca: tls.ca ?? tls.cert };
  const host = await createSystemHost({ data: config.data, logger, self: config.self.id, brokers, tls: peerTls });
  let lines: BrokerLines | null = null;
  let wire: BrokerWire | null = null;
  let spanExport: SpanExport | null = null;
  const broker: BrokerApi = new Broker(brokerOptions(config, host, hooks));
  const front = createFront(config, host, broker, hooks, {
    agentClocks: (max) => lines?.agentClocks(max) ?? { agents: [], left: 0 },
    spanExport: () => spanExport ?? { exported: 0, dropped: 0 },
  });
  const history = new History({ clock: host.clock, broker, requestCount: () => front.requestCount });
  const { endpoint } = config.tracing;
  if (endpoint !== null) {
    const { SpanExport } = await import('./span-export.ts');
    const exporting = new SpanExport({ endpoint, broker: config.self.id, version: packageVersion(), logger });
    broker.spans.onEnded = (span) => exporting.add(span);
    spanExport = exporting;
  }
  warnInsecure(config, logger);

  front.listen((error) => {
    if (error !== null) {
      hooks.onFatal(error);
      return;
    }
    hooks.onListening?.(front.port);
    broker.open((result) => {
      if (result.ok) whenReady(broker, () => void begin());
      // Told to stop while it opened, it ends as one that was open does.
      else if (result.error.code !== 'shuttingDown') hooks.onFatal(namingData(result.error, config.data));
    });
  });

  /** Lines are taken as soon as somebody could store them. */
  const begin = async (): Promise<void> => {
    if (config.lines !== null) {
      const { startBrokerLines } = await import('./collect/broker-lines.ts');
      const settings = fitConnections(config.lines.settings, descriptorsMax());
      lines = await startBrokerLines({ ...config.lines, settings }, broker, host, hooks.onFatal);
    }
    if (config.cs550 !== null) {
      const { startBrokerWire } = await import('./cs550/broker-wire.ts');
      // The crash switch of contract 2 silences HTTP too.
      const faults = {
        get crashed() {
          return broker.faults.crashed;
        },
        crash: () => front.crash(),
        recover: () => front.recover(),
      };
      wire = await startBrokerWire({ ...config, cs550: config.cs550 }, broker, faults, host, hooks.onFatal);
    }
    hooks.onReady?.();
  };

  return {
    broker,
    stop(graceMs, done) {
      history.stop();
      lines?.close();
      wire?.close();
      broker.close(graceMs, () => {
        front.close(answersGraceMs, () => {
          host.network.close();
          if (spanExport === null) done();
          else void spanExport.close(answersGraceMs).then(done);
        });
      });
    },
  };

  function brokerOptions({ self, settings, clusterId, logOnly }: DaemonConfig, on: SystemHost, { onFatal }: DaemonHooks): BrokerOptions {
    // The same secret opens HTTP and proves brokers to one another, but never in the same form.
    const shared = token ?? config.peerSecret;
    const secret = shared === null ? null : Buffer.from(hashToken(`cairn-peer/1 ${shared}`));
    const scanner =
      config.data === null
        ? ownScanner(on, ownModule('search/start/starter-process'))
        : workerScanner(config.data, ownModule('search/topics/worker'), () => broker.diskSyncs);
    const toldHistory = (withinMs: number): readonly AgedSample[] => history.within(withinMs);
    const common = {
      host: on,
      self,
      brokers,
      settings,
      version: packageVersion(),
      clusterId,
      secret,
      logOnly,
      scanner,
      history: toldHistory,
    };
    return { ...common, onFatal: (error) => onFatal(error, true) };
  }
}

function createFront(
  config: DaemonConfig,
  host: SystemHost,
  broker: BrokerApi,
  hooks: DaemonHooks,
  told: Pick<GatewayOptions, 'agentClocks' | 'spanExport'>,
): Front {
  const { self, listen, settings, tls, token, faultInjection, extraHosts, exitFile } = config;
  const http = fitHttp(config.http, descriptorsMax());
  const { connectionsMax } = http;
  const grep = new GnuGrep(new ProgramStarter(ownModule('search/start/starter-process')));
  const topicsSearcher = createTopicsSearcher({ machine: config.search.name, log: withPromises(broker), bytes: host.bytes, grep });
  if (connectionsMax < config.http.connectionsMax)
    host.logger.log('info', 'connectionsLowered', { connectionsMax, wanted: config.http.connectionsMax });
  return createHttpGateway({
    broker,
    subscriptions: broker.subscriptions,
    schedules: broker.schedules,
    trace: broker.trace,
    ...told,
    spans: broker.spans,
    sampleEvery: config.tracing.sampleEvery,
    clock: host.clock,
    bytes: host.bytes,
    random: host.random,
    logger: host.logger,
    settings: http,
    host: bindHost(listen.host),
    port: listen.port,
    listenRetryMs: config.listenRetryMs,
    closesWithAnswer: config.closesWithAnswer,
    ownNames: [listen.host, self.host],
    extraHosts: [...extraHosts, formatHostPort(self)],
    tokenHash: token === null ? null : hashToken(token),
    tls,
    faultInjection,
    logFile: exitFile,
    takesPeersFrom: peersFrom(config.brokers, token !== null || config.peerSecret !== null),
    onPeer: (socket, head) => host.network.takeIncoming(socket, head),
    onDistrusted: (distrust) => host.network.distrusted(distrust),
    onExit: hooks.onExit,
    loadApiEarly: !config.logOnly,
    version: packageVersion(),
    search: searchOptions(config, topicsSearcher, (topic) => broker.partitionsOf(topic)),
    batchBytesMax: settings.batchBytesMax,
    pageFolder,
    recordThread: ownModule('gateway/http/record-thread'),
  });
}

function makeDataFolder(data: string): void {
  try {
    makeFolder(data, 0o700);
  } catch (error) {
    throw new LogError('dataUnusable', `Cannot use the data directory ${data}: ${folderReason(error)}`, {}, { cause: error });
  }
}

/** The broker knows its disk, not where that is: a refusal for a person names the directory. */
function namingData(error: LogError, data: string | null): LogError {
  if (data === null || (error.code !== 'dataInUse' && error.code !== 'dataUnusable')) return error;
  const [, reason = error.message] = /^[^:]*: (.*)$/s.exec(error.message) ?? [];
  return new LogError(error.code, `Cannot use the data directory ${data}: ${folderReasonOfText(reason)}`, error.details, { cause: error });
}

function whenReady(broker: BrokerApi, run: () => void): void {
  if (broker.ready) run();
  else setTimeout(() => whenReady(broker, run), readyPollMs).unref();
}
