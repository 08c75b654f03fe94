import type { TopicQuery } from '../../eventlog/index.ts';
import { logTopic } from '../well-known.ts';
import type { CatalogState, Topic } from './catalog-state.ts';

/** `count` of all that have the prefix; `next` is the last name of this page where there are more. */
export interface CatalogPage {
  /** By name; null stands for `log`, which the catalog does not know. */
  readonly topics: readonly (Topic | null)[];
  readonly count: number;
  readonly next: string | null;
}

/** The topics that there are as callers ask for them: those of the catalog, and `log`. One of several partitions counts for each of them. */
export function topicPage(state: CatalogState, { prefix, after, limit }: TopicQuery): CatalogPage {
  const page = state.page(prefix, after, limit + 1);
  const topics: (Topic | null)[] = [...page.topics];
  const hasLog = logTopic.startsWith(prefix);
  if (hasLog && logTopic > after) {
    const behind = page.topics.findIndex(({ name }) => name > logTopic);
    topics.splice(behind === -1 ? topics.length : behind, 0, null);
  }
  let shown = 0;
  for (let partitions = 0; shown < topics.length; shown++) {
    partitions += topics[shown]?.partitions.length ?? 1;
    if (partitions > limit && shown > 0) break;
  }
  const last = topics[shown - 1];
  const next = topics.length === shown || last === undefined ? null : (last?.name ?? logTopic);
  return { topics: topics.slice(0, shown), count: page.count + Number(hasLog), next };
}
