/**
 * `npm run audit:fsync`: that nothing is acknowledged, and no vote given, before it is on the disk, seen from outside. `audit.ts` runs real brokers
 * under strace; `system-calls.ts` reads its lines; `sent-streams.ts` puts together what was sent, `durable-state.ts` what was synced; `judge.ts`
 * holds the one against the other. It knows our formats (frames, votes) and trusts nothing that a broker says of itself.
 */
export { runAudit } from './audit.ts';
export { type AuditFigures, AuditJudge } from './judge.ts';
export { TraceReader } from './system-calls.ts';
