/**
 * The other brokers as this one knows them: the connections to and from them (`Links`), which of their lives has been met (`PeerLives`), and why one is not
 * linked (`PeerProblems`), and what was done to the links by hand (`FaultsByHand`). It moves frames and does not look into them.
 */
export { FaultsByHand, fieldsOf } from './faults-by-hand.ts';
export { Links } from './links.ts';
export { PeerLives } from './peer-lives.ts';
