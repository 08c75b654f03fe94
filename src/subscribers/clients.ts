import {
  type Answer,
  type Created,
  type CreateRequest,
  type IdQuery,
  type PublisherDescription,
  type PublisherPage,
  type SubscriberPage,
  topicPageMax,
} from '../eventlog/index.ts';
import type { Group } from './group.ts';
import { refused, told } from './refusals.ts';
import { shownClient } from './requests.ts';
import type { Subscriber } from './subscriber.ts';

export type Kind = 'publisher' | 'subscriber';

/** Publishers and subscribers themselves: made, listed and deleted. */
export class Clients {
  readonly #group: Group;

  constructor(group: Group) {
    this.#group = group;
  }

  create(kind: Kind, { id, requestId }: CreateRequest, attempt: string, answer: Answer<Created>): void {
    const { state, limits } = this.#group.context;
    const type = kind === 'publisher' ? 'createPublisher' : 'createSubscriber';
    const max = kind === 'publisher' ? limits.publishers : limits.subscribers;
    const doing = `create ${shownClient(kind, id)}`;
    this.#group.context.submit({ type, id, nonce: requestId ?? this.#group.context.nonce(), max, attempt }, (outcome) => {
      if (!outcome.ok) return answer(outcome);
      if (outcome.value !== 'created' && outcome.value !== 'existed') return answer(refused(doing, outcome.value));
      const known = kind === 'publisher' ? state.publisher(id) : state.subscriber(id);
      const { createdMs = 0 } = known ?? {};
      answer({ ok: true, value: { id, created: outcome.value === 'created', createdMs } });
    });
  }

  delete(kind: Kind, id: string, attempt: string, answer: Answer<undefined>): void {
    const type = kind === 'publisher' ? 'deletePublisher' : 'deleteSubscriber';
    this.#group.context.submit({ type, id, attempt }, told(`delete ${shownClient(kind, id)}`, answer));
  }

  describePublisher(id: string, answer: Answer<PublisherDescription>): void {
    this.#group.context.confirm((refusal) => {
      const known = this.#group.context.state.publisher(id);
      if (refusal !== null) answer({ ok: false, error: refusal });
      else if (known === undefined) answer(refused(`describe ${shownClient('publisher', id)}`, 'unknownPublisher'));
      else answer({ ok: true, value: { id, createdMs: known.createdMs } });
    });
  }

  listPublishers(query: IdQuery, answer: Answer<PublisherPage>): void {
    this.#group.context.confirm((refusal) => {
      if (refusal !== null) return answer({ ok: false, error: refusal });
      const { page, next } = pageOf(this.#group.context.state.publishers(), query);
      answer({ ok: true, value: { publishers: page.map(({ id, createdMs }) => ({ id, createdMs })), next } });
    });
  }

  listSubscribers(query: IdQuery, answer: Answer<SubscriberPage>): void {
    this.#group.context.confirm((refusal) => {
      if (refusal !== null) return answer({ ok: false, error: refusal });
      const { page, next } = pageOf(this.#group.context.state.subscribers(), query);
      const summary = ({ id, createdMs, usedMs, subscriptions }: Subscriber) => ({
        id,
        createdMs,
        usedMs,
        subscriptions: subscriptions.size,
      });
      answer({ ok: true, value: { subscribers: page.map(summary), next } });
    });
  }
}

function pageOf<One extends { readonly id: string }>(
  all: Iterable<One>,
  { prefix, after, limit }: IdQuery,
): { readonly page: One[]; readonly next: string | null } {
  const left = [...all].filter(({ id }) => id.startsWith(prefix) && id > after).sort((a, b) => (a.id < b.id ? -1 : 1));
  const page = left.slice(0, Math.max(0, Math.min(limit, topicPageMax)));
  return { page, next: left.length > page.length ? (page[page.length - 1]?.id ?? null) : null };
}
