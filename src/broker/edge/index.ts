/**
 * What callers and peers ask of this broker, before a replica here or elsewhere decides: appends with their queue, deadline and retry (`Appends`), reads
 * (`Reads`) and searches (`Scans`) behind what makes them current (`Barriers`), revokes, requests to other brokers (`Requests`) and those of other brokers (`PeerService`), by way of others where those have no replica (`Relays`); topics that have no
 * replica here are read through others (`Elsewhere`), which ask whoever leads them (`Whereabouts`); so is what groups of Cairn's own keep (`Questions`).
 */
export { Appends } from './appends.ts';
export { Barriers } from './barriers.ts';
export { Elsewhere } from './elsewhere.ts';
export { type Asker, PeerService } from './peer-service.ts';
export { Questions } from './questions.ts';
export { freshnessMs, Reads } from './reads.ts';
export { Relays } from './relays.ts';
export { Requests } from './requests.ts';
export { Revokes } from './revokes.ts';
export { Scans } from './scans.ts';
export { Whereabouts } from './whereabouts.ts';
