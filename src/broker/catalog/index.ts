/**
 * Topics by name. `CatalogState` is what the catalog's log says, `Catalog` follows that log on this broker, `Topics` answers what callers ask about
 * topics, `TopicReplicas` keeps this broker's replicas in step with them, `Registration` and `FirstElections` do what a broker owes the catalog and topics
 * that were just made, `Retention` keeps topics within their size.
 */
export { Topics } from './topics.ts';
export { type CatalogState, numbered, type Partition, type Topic } from './catalog-state.ts';
export { topicPage } from './topic-page.ts';
