import type {
  Answer,
  AppendRequest,
  AppendResult,
  BrokerStatus,
  EndResult,
  Freshness,
  LogService,
  ReadRequest,
  ReadResult,
  TopicDescription,
  TopicSettings,
} from './types.ts';

/** `LogService` with promises: what gateways, clients and labs program against. Failures reject with a `LogError`. */
export interface EventLog {
  append(request: AppendRequest): Promise<AppendResult>;
  revoke(topic: string, requestId: string): Promise<undefined>;
  read(request: ReadRequest): Promise<ReadResult>;
  end(topic: string, freshness: Freshness): Promise<EndResult>;
  nextSequence(topic: string, requestId: string): Promise<number>;
  createTopic(name: string, settings: TopicSettings): Promise<TopicDescription>;
  deleteTopic(name: string): Promise<undefined>;
  listTopics(): Promise<readonly TopicDescription[]>;
  describeTopic(name: string): Promise<TopicDescription>;
  status(): Promise<BrokerStatus>;
  brokers(): Promise<readonly { readonly id: number; readonly address: string; readonly status: BrokerStatus | null }[]>;
}

export function withPromises(service: LogService): EventLog {
  return {
    append: (request) => promised((answer) => service.append(request, answer)),
    revoke: (topic, requestId) => promised((answer) => service.revoke(topic, requestId, answer)),
    read: (request) => promised((answer) => service.read(request, answer)),
    end: (topic, freshness) => promised((answer) => service.end(topic, freshness, answer)),
    nextSequence: (topic, requestId) => promised((answer) => service.nextSequence(topic, requestId, answer)),
    createTopic: (name, settings) => promised((answer) => service.createTopic(name, settings, answer)),
    deleteTopic: (name) => promised((answer) => service.deleteTopic(name, answer)),
    listTopics: () => promised((answer) => service.listTopics(answer)),
    describeTopic: (name) => promised((answer) => service.describeTopic(name, answer)),
    status: () => promised((answer) => service.status(answer)),
    brokers: () => promised((answer) => service.brokers(answer)),
  };
}

function promised<Value>(call: (answer: Answer<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((outcome) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error)));
  });
}
