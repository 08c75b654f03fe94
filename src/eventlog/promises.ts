import { LogError } from './log-error.ts';
import type { Answer, LogService, RecordService } from './services.ts';
import type {
  AppendRequest,
  AppendResult,
  BrokerStatus,
  EndRequest,
  EndResult,
  KnownBroker,
  ReadRequest,
  ReadResult,
  ScanRequest,
  ScanResult,
  ScanSink,
  SequenceRequest,
  TopicChanges,
  TopicDescription,
  TopicPage,
  TopicQuery,
  TopicSettings,
} from './types.ts';

export interface RecordLog {
  append(request: AppendRequest): Promise<AppendResult>;
  read(request: ReadRequest): Promise<ReadResult>;
  end(request: EndRequest): Promise<EndResult>;
  nextSequence(request: SequenceRequest): Promise<number>;
}

export interface TopicAdmin {
  createTopic(name: string, settings: TopicSettings): Promise<TopicDescription>;
  alterTopic(name: string, changes: TopicChanges): Promise<TopicDescription>;
  deleteTopic(name: string): Promise<undefined>;
  listTopics(query: TopicQuery): Promise<TopicPage>;
  describeTopic(name: string): Promise<TopicDescription>;
}

/** `ClusterService` with promises. @public */
export interface ClusterView {
  status(query?: TopicQuery | null): Promise<BrokerStatus>;
  brokers(query?: TopicQuery | null): Promise<readonly KnownBroker[]>;
}

/** `LogService` with promises: what gateways, clients and labs program against. Failures reject with a `LogError`. */
export interface EventLog extends RecordLog, TopicAdmin, ClusterView {}

/** One that can be searched where it is kept. */
export interface SearchableLog extends EventLog {
  scan(request: ScanRequest, sink: ScanSink): Promise<ScanResult>;
}

export function withPromises(service: LogService): SearchableLog {
  return {
    append: (request) => promised((answer) => service.append(request, answer)),
    read: (request) => promised((answer) => service.read(request, answer)),
    scan: (request, sink) => promised((answer) => service.scan(request, sink, answer)),
    end: (request) => promised((answer) => service.end(request, answer)),
    nextSequence: (request) => promised((answer) => service.nextSequence(request, answer)),
    createTopic: (name, settings) => promised((answer) => service.createTopic(name, settings, answer)),
    alterTopic: (name, changes) => promised((answer) => service.alterTopic(name, changes, answer)),
    deleteTopic: (name) => promised((answer) => service.deleteTopic(name, answer)),
    listTopics: (query) => promised((answer) => service.listTopics(query, answer)),
    describeTopic: (name) => promised((answer) => service.describeTopic(name, answer)),
    status: (query = null) => promised((answer) => service.status(query, answer)),
    brokers: (query = null) => promised((answer) => service.brokers(query, answer)),
  };
}

export function promised<Value>(call: (answer: Answer<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error)));
  });
}

/** The records of a log with promises, in callbacks: for the machine-free rooms over a client. Its answers come later, as those of any service. */
export function withCallbacks(log: RecordLog): RecordService {
  return {
    append: (request, answer) => void answered(log.append(request), answer),
    read: (request, answer) => void answered(log.read(request), answer),
    end: (request, answer) => void answered(log.end(request), answer),
    nextSequence: (request, answer) => void answered(log.nextSequence(request), answer),
  };
}

function answered<Value>(call: Promise<Value>, answer: Answer<Value>): Promise<void> {
  return call.then(
    (value) => answer({ ok: true, value }),
    (error: unknown) => {
      // A defect is nobody's answer.
      if (!(error instanceof LogError)) throw error;
      answer({ ok: false, error });
    },
  );
}
