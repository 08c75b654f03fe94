import { untrack } from 'svelte';
import { ApiError, type BrokersAnswer, fetchBrokers, fetchOwnStatus, fetchTopicNames, hasMany, hasToken, type TopicNames } from '../api.ts';
import { brokerRows, clusterState } from '../cluster.ts';

const POLL_MS = 1000;
const POLL_HIDDEN_MS = 5000;
/** As long as the charts are. */
const ANSWERS_MS = 15 * 60_000;
/** A topic is made far less often than a record. */
const POLLS_PER_TOPICS = 5;

/** What the brokers said last, asked again every second: the state that all views share. */
export class ClusterWatch {
  /** Whose replicas the rows are about. */
  topic = $state('log');
  /** The topic that the answer tells of. */
  #answeredTopic = $state('log');
  answer = $state.raw<BrokersAnswer>({ brokers: [], partial: false, missing: [] });
  /** How long this broker took to answer, since the page was opened; null where it did not. Times are of its own wall clock. */
  answers = $state.raw<readonly { readonly timeMs: number; readonly answerMs: number | null }[]>([]);
  /** How far the clock of the browser is ahead of this broker's. */
  aheadMs = $state(0);
  topics = $state.raw<TopicNames>({ names: [], more: 0 });
  selfId = $state<number | null>(null);
  version = $state('');
  isAway = $state(false);
  isTokenWanted = $state(false);
  isTokenWrong = $state(false);
  nowMs = $state(Date.now());
  /** What was typed where there are too many topics to choose from a list. */
  #topicPrefix = '';

  /** There are more topics than a status shows. */
  readonly isMany = $derived(hasMany(this.answer));
  /** Until the brokers have told of the one just chosen, what they said last of another one stays. */
  readonly toldTopic = $derived(this.isMany ? this.#answeredTopic : this.topic);
  readonly rows = $derived(brokerRows(this.answer, this.toldTopic, this.selfId));
  readonly state = $derived(clusterState(this.rows, this.isAway, this.toldTopic));
  readonly topicNames = $derived([...new Set(['log', 'cairn.events', ...this.topics.names, this.topic])].toSorted());

  /** Asks until the function that it gives is called, or a token is wanted. */
  start(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isStopped = false;
    let pollIndex = 0;

    const poll = async (): Promise<void> => {
      try {
        if (this.selfId === null) {
          const self = await fetchOwnStatus();
          this.selfId = self.id;
          this.version = self.version;
        }
        const askedMs = performance.now();
        const asked = this.topic;
        let told = await fetchBrokers(this.isMany ? asked : null);
        if (!this.isMany && hasMany(told)) told = await fetchBrokers(asked);
        this.answer = told;
        this.#answeredTopic = asked;
        const own = told.brokers.find(({ id }) => id === this.selfId)?.status;
        if (typeof own?.wallMs === 'number') this.aheadMs = Date.now() - own.wallMs;
        this.#noteAnswer(performance.now() - askedMs);
        this.isAway = false;
        if (pollIndex % POLLS_PER_TOPICS === 0) this.topics = await fetchTopicNames(this.#topicPrefix);
        pollIndex++;
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) {
          this.isTokenWanted = true;
          this.isTokenWrong = hasToken();
          return;
        }
        // A refusal is an answer: only silence means that the broker is away.
        if (!(error instanceof ApiError) || error.status === 0) this.isAway = true;
        this.#noteAnswer(null);
      }
      this.nowMs = Date.now();
      if (!isStopped) timer = setTimeout(() => void poll(), document.hidden ? POLL_HIDDEN_MS : POLL_MS);
    };
    // What the first poll reads is no reason to begin anew.
    untrack(() => void poll());
    return () => {
      isStopped = true;
      clearTimeout(timer);
    };
  }

  #noteAnswer(answerMs: number | null): void {
    const timeMs = Date.now() - this.aheadMs;
    this.answers = [...this.answers.filter((each) => each.timeMs > timeMs - ANSWERS_MS), { timeMs, answerMs }];
  }

  /** Names that begin as is typed. */
  async seek(typed: string): Promise<void> {
    if (!/^[\w.-]{0,249}$/.test(typed)) return;
    this.#topicPrefix = typed;
    try {
      const found = await fetchTopicNames(typed);
      if (this.#topicPrefix === typed) this.topics = found;
    } catch {
      // The next poll asks again.
    }
  }
}
