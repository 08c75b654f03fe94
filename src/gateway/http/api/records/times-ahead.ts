import { stampAheadMsMax } from '../../../../clocks/hybrid.ts';
import type { ReadResult } from '../../../../eventlog/index.ts';
import type { ApiContext } from '../context.ts';

/**
 * A broker whose clock was ahead, and led the topic, has driven its log time there, and log time never goes back: what came since bears times just behind, for
 * as long as the true time has not come so far. A read by time that begins there gives all of it, whenever it was appended, and says so: by how much these times
 * are ahead of the clock here, where that is more than clocks may differ by.
 */
export function timesAheadHeader(
  sinceMs: number | null,
  { times = [] }: ReadResult,
  { clock }: Pick<ApiContext, 'clock'>,
): Record<string, string> {
  const [first] = times;
  if (sinceMs === null || first === undefined) return {};
  const nowMs = clock.wallMs();
  const aheadMs = first - nowMs;
  return sinceMs <= nowMs && aheadMs > stampAheadMsMax ? { 'cairn-times-ahead-ms': String(Math.round(aheadMs)) } : {};
}
