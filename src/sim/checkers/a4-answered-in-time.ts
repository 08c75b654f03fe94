// A4 answered in time
import type { Answer, BrokerService } from '../../eventlog/index.ts';
import { Findings } from './verdict.ts';

/** One call that a broker has not answered yet. */
interface Open {
  readonly what: string;
  readonly life: Life;
  /** On the clock of `Life.awakeMs`. */
  readonly sinceMs: number;
  readonly limitMs: number;
}

/** A process that answers calls: how long it has been awake. */
export interface Life {
  readonly id: number;
  readonly awakeMs: number;
}

/** Finding the topic; then being as fresh as asked. A read may also wait so long for derived state that is built again, and for the disk. */
const lookUpMs = 2000;
const freshnessMs = 5000;
/** A search whose time is spent ends what it has begun. */
const endingMs = 1000;
/** A change of topics, with what comes of it. */
const topicMs = 5000;
/** The leader's answer is waited for a little beyond the caller's time. */
const graceMs = 250;
/** What an answer may come late by: it is noticed at a tick, and leaves at the end of a turn. */
const slackMs = 1000;
/** The slowest clock that is injected. */
const slowestRate = 0.8;

/**
 * Every call of the port is answered within its deadline, whatever the answer is: a caller that is not answered has to give up by itself, and learns nothing.
 * The time that a process sleeps does not count, and who dies owes nothing. A revoke has no deadline: it is tried until it is in the log.
 */
export class AnsweredInTime {
  readonly findings = new Findings('A4');
  readonly #open = new Set<Open>();

  /** The service with every call watched that has a deadline. */
  watched(service: BrokerService, life: Life): BrokerService {
    const timed = <Value>(what: string, deadlineMs: number, answer: Answer<Value>): Answer<Value> => {
      const open: Open = { what, life, sinceMs: life.awakeMs, limitMs: (deadlineMs + slackMs) / slowestRate };
      this.findings.checked++;
      this.#open.add(open);
      return (outcome) => {
        if (this.#open.delete(open)) this.#look(open, 'was answered');
        answer(outcome);
      };
    };
    return {
      append: (request, answer) => service.append(request, timed(`append to "${request.topic}"`, request.timeoutMs + graceMs, answer)),
      partitionsOf: (topic) => service.partitionsOf(topic),
      whenPartitionsKnown: (topic, timeoutMs, answer) =>
        service.whenPartitionsKnown(topic, timeoutMs, timed(`partitions of "${topic}"`, Math.min(timeoutMs + graceMs, lookUpMs), answer)),
      explain: (topic, answer) => service.explain(topic, timed(`explanation of "${topic}"`, lookUpMs, answer)),
      revoke: (records, requestId, answer) => service.revoke(records, requestId, answer),
      read: (request, answer) =>
        service.read(request, timed(`read of "${request.topic}"`, lookUpMs + 3 * freshnessMs + request.waitMs, answer)),
      scan: (request, sink, answer) =>
        service.scan(request, sink, timed(`search of "${request.topic}"`, lookUpMs + request.timeoutMs + endingMs, answer)),
      end: (request, answer) => service.end(request, timed(`end of "${request.topic}"`, lookUpMs + freshnessMs, answer)),
      nextSequence: (request, answer) =>
        service.nextSequence(request, timed(`next sequence of "${request.requestId}"`, lookUpMs + freshnessMs, answer)),
      createTopic: (name, settings, answer) => service.createTopic(name, settings, timed(`creation of "${name}"`, topicMs, answer)),
      alterTopic: (name, changes, answer) =>
        service.alterTopic(name, changes, timed(`alteration of "${name}"`, topicMs + lookUpMs, answer)),
      deleteTopic: (name, answer) => service.deleteTopic(name, timed(`deletion of "${name}"`, topicMs, answer)),
      listTopics: (query, answer) => service.listTopics(query, timed('list of topics', lookUpMs, answer)),
      describeTopic: (name, answer) => service.describeTopic(name, timed(`description of "${name}"`, lookUpMs, answer)),
      status: (query, answer) => service.status(query, timed('status', 0, answer)),
      brokers: (query, answer) => service.brokers(query, timed('brokers', slackMs, answer)),
      history: (withinMs, answer) => service.history(withinMs, timed('history', slackMs, answer)),
    };
  }

  /** What is still open and overdue by now was not answered in time. */
  look(): void {
    for (const open of this.#open) this.#look(open, 'is unanswered');
  }

  /** A process has died: what it owes is not owed any more, unless it was overdue. */
  ended(id: number): void {
    for (const open of this.#open) {
      if (open.life.id !== id) continue;
      this.#look(open, 'was unanswered');
      this.#open.delete(open);
    }
  }

  #look({ what, life, sinceMs, limitMs }: Open, how: string): void {
    const tookMs = life.awakeMs - sinceMs;
    if (tookMs > limitMs)
      this.findings.violate(`broker ${life.id}: ${what} ${how} after ${tookMs.toFixed(0)} ms; ${limitMs.toFixed(0)} are allowed`);
  }
}
