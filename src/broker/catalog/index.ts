/**
 * Topics by name. `CatalogState` is what the catalog's log says, `Catalog` follows that log on this broker, `Topics` keeps this broker's replicas in step
 * with it and answers what callers ask about topics, `Retention` keeps topics within their size.
 */
export { Topics } from './topics.ts';
