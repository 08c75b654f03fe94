/** What callers may ask of an open broker that takes more than one service: each call ends in exactly one answer, at the end of a turn. */
import {
  type AgedSample,
  type Answer,
  type AppendRequest,
  type AppendResult,
  type BrokerStatus,
  type ClockOffset,
  type EndRequest,
  type EndResult,
  type KnownBroker,
  type KnownHistory,
  type ReadRequest,
  type ReadResult,
  type ScanRequest,
  type ScanResult,
  type ScanSink,
  type SequenceRequest,
  type TopicQuery,
  shownTopic,
} from '../eventlog/index.ts';
import { formatHostPort } from '../base/host-port.ts';
import type { TraceContext } from '../base/trace-context.ts';
import { boundClock, offsetWithin } from '../clocks/index.ts';
import type { BrokerAddress } from '../host/index.ts';
import type { BrokerOptions } from './contract.ts';
import { type Core, failure } from './core.ts';
import { freshnessMs } from './edge/index.ts';
import { datedSamples, encodeHistoryQuery, parseHistory } from './history-query.ts';
import type { Replica } from './replica/index.ts';
import type { Services } from './services.ts';
import { encodeTopicQuery } from './topic-query.ts';
import { catalogGroup } from './well-known.ts';

/** Another broker's status comes in this time, or null is said for it (promise 5). */
const statusMs = 1000;
const retryMs = 50;

export function append({ core, topics, appends }: Services, request: AppendRequest, answer: Answer<AppendResult>): void {
  const known = topics.whole(request);
  if (known !== null) return appends.append(known, request, answer);
  const startMs = core.nowMs();
  topics.resolve(request, Math.min(request.timeoutMs, freshnessMs), `append to ${shownTopic(request.topic)}`, answer, (group) => {
    // Looking up the topic is part of the caller's time, and its first attempt is older by that.
    const spentMs = core.nowMs() - startMs;
    const { timeoutMs, firstAttemptMs } = request;
    const age = firstAttemptMs === undefined ? {} : { firstAttemptMs: firstAttemptMs + spentMs };
    appends.append(group, spentMs === 0 ? request : { ...request, timeoutMs: Math.max(0, timeoutMs - spentMs), ...age }, answer);
  });
}

export function read({ core, topics, reads, elsewhere }: Services, request: ReadRequest, answer: Answer<ReadResult>): void {
  const doing = `read ${shownTopic(request.topic)}`;
  const { trace } = request;
  const unlessAnother = (group: number, begin: (told: Answer<ReadResult>) => void): void => {
    const own = request.tellHops === true ? { hops: { brokers: [core.self], isDirect: false } } : {};
    if (request.group === undefined || request.group === group)
      return begin((outcome) => answer(outcome.ok ? { ok: true, value: { ...own, ...outcome.value, group } } : outcome));
    core.later(() => answer(failure('unknownTopic', `Cannot ${doing}: it was deleted, and another topic has its name`)));
  };
  topics.locate(request, doing, answer, {
    here: (replica) =>
      unlessAnother(replica.group, (told) =>
        reads.begin(request, replica, trace === undefined ? told : tracedRead(core, request, trace, told)),
      ),
    elsewhere: (group) => unlessAnother(group, (told) => elsewhere.read(request, group, told)),
  });
}

function tracedRead({ spans }: Core, { topic, freshness }: ReadRequest, trace: TraceContext, told: Answer<ReadResult>): Answer<ReadResult> {
  const span = spans.begin('read', trace, { topic, freshness });
  return (outcome) => {
    spans.end(span, outcome.ok ? null : outcome.error.code);
    told(outcome);
  };
}

/** A search is made where the records are: whoever asks goes there. */
export function scan({ core, topics, scans }: Services, request: ScanRequest, sink: ScanSink, answer: Answer<ScanResult>): void {
  const doing = `search ${shownTopic(request.topic)}`;
  topics.locate(request, doing, answer, {
    here: (replica) => scans.begin(request, replica, sink, answer),
    elsewhere: (group) => {
      const members = core.membersOf(group).join(', ');
      core.later(() =>
        answer(failure('noReplica', `Cannot ${doing}: its records are on brokers ${members}, not here`, { brokers: members })),
      );
    },
  });
}

export function end({ topics, reads, elsewhere }: Services, request: EndRequest, answer: Answer<EndResult>): void {
  topics.locate(request, `read the end of ${shownTopic(request.topic)}`, answer, {
    here: (replica) => reads.end(request, replica, answer),
    elsewhere: (group) => elsewhere.end(request, group, answer),
  });
}

/** Asks the leader until one says; `isCrashed` ends it early. */
export function nextSequence(services: Services, isCrashed: () => boolean, request: SequenceRequest, answer: Answer<number>): void {
  const { core, topics, elsewhere } = services;
  const { topic, requestId } = request;
  const doing = `look up a request of ${shownTopic(topic)}`;
  const text = core.host.bytes.utf8Encode(requestId);
  const deadlineMs = core.nowMs() + freshnessMs;
  const here = (replica: Replica): void => {
    const again = (value: number | null): void => {
      if (value !== null) core.later(() => answer({ ok: true, value }));
      else if (isCrashed()) core.later(() => answer(failure('crashed', `Cannot ${doing}: the broker was told to act as crashed`)));
      else if (core.nowMs() >= deadlineMs)
        core.later(() => answer(failure('notCurrent', `Cannot ${doing}: no leader confirmed it in time`)));
      else core.host.clock.startTimer(retryMs, attempt);
    };
    const attempt = (): void => {
      if (isCrashed() || !askLeader(services, replica, text, again)) again(null);
      core.wake();
    };
    attempt();
  };
  topics.locate(request, doing, answer, { here, elsewhere: (group) => elsewhere.nextSequence(topic, text, group, answer) });
}

function askLeader(
  { core, peerService, requests }: Services,
  replica: Replica,
  requestId: Uint8Array,
  done: (value: number | null) => void,
): boolean {
  const { leader } = replica.raft;
  if (leader === null) return false;
  if (leader === core.self) {
    peerService.nextSequence(replica.group, requestId, done);
    return true;
  }
  const request = { type: 'nextSequence' as const, requestId };
  return requests.send(leader, replica.group, request, statusMs, (outcome) => done(outcome.type === 'number' ? outcome.value : null));
}

export function askBrokers(
  services: Services,
  brokers: readonly BrokerAddress[],
  query: TopicQuery | null,
  own: BrokerStatus,
  answer: Answer<readonly KnownBroker[]>,
): void {
  const { clock, bytes } = services.core.host;
  const askedMs = clock.wallMs();
  askAll<Pick<KnownBroker, 'status' | 'clock'>>(services, brokers, encodeTopicQuery(query, bytes), answer, {
    own: { status: own, clock: { aheadMs: 0, errorMs: 0 } },
    nothing: { status: null, clock: null },
    heard: (json) => {
      const status = parseStatus(json);
      return { status, clock: status === null ? null : offsetOf(status.wallMs, askedMs, clock.wallMs()) };
    },
  });
}

export function askHistories(
  services: Services,
  { brokers, history }: BrokerOptions,
  withinMs: number,
  answer: Answer<readonly KnownHistory[]>,
): void {
  const { clock, bytes } = services.core.host;
  const dated = (samples: readonly AgedSample[] | null): Pick<KnownHistory, 'samples'> => ({
    samples: samples === null ? null : datedSamples(samples, clock.wallMs()),
  });
  askAll<Pick<KnownHistory, 'samples'>>(services, brokers, encodeHistoryQuery(withinMs, bytes), answer, {
    own: dated(history?.(withinMs) ?? []),
    nothing: { samples: null },
    heard: (json) => dated(parseHistory(json)),
  });
}

interface Told<Said> {
  readonly own: Said;
  /** Of a broker that does not answer in time, or not at all. */
  readonly nothing: Said;
  readonly heard: (json: string) => Said;
}

/** Asks every broker but this one, and answers once each has said something or its time is over. */
function askAll<Said extends object>(
  { core, requests }: Services,
  brokers: readonly BrokerAddress[],
  asked: Uint8Array,
  answer: Answer<readonly (Said & { readonly id: number; readonly address: string })[]>,
  { own, nothing, heard }: Told<Said>,
): void {
  const known = new Map<number, Said>();
  const note = (id: number, said: Said): void => {
    known.set(id, said);
    if (known.size < brokers.length) return;
    const value = brokers.map(({ id: named, host, port }) => ({
      id: named,
      address: formatHostPort({ host, port }),
      ...(known.get(named) ?? nothing),
    }));
    core.later(() => answer({ ok: true, value }));
  };
  for (const { id } of brokers) {
    if (id === core.self) {
      note(id, own);
      continue;
    }
    const isSent = requests.send(id, catalogGroup, { type: 'status', topics: asked }, statusMs, (outcome) =>
      note(id, outcome.type === 'status' ? heard(outcome.json) : nothing),
    );
    if (!isSent) note(id, nothing);
  }
  core.wake();
}

/** The clock here shows whole milliseconds too. A broker before November 2026 says nothing of its own. */
function offsetOf(theirMs: number | undefined, askedMs: number, answeredMs: number): ClockOffset | null {
  if (theirMs === undefined) return null;
  const bounds = boundClock([{ askedMs, answeredMs: answeredMs + 1, wallMs: theirMs }]);
  // The clock here was set meanwhile.
  return bounds === null ? null : offsetWithin(bounds);
}

function parseStatus(json: string): BrokerStatus | null {
  try {
    return JSON.parse(json) as BrokerStatus;
  } catch {
    return null;
  }
}
