/** Searches over HTTP: the routes (`routes.ts`), and a server that has no others (`search-front.ts`). */
export { GrepRoutes, type SearchOptions } from './routes.ts';
export { SearchFront } from './search-front.ts';
