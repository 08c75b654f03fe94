// L10 monotonic high watermark
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/**
 * A broker never shows a lower high watermark than it showed before in the same life, and a client never sees a lower one in a linearizable read,
 * whichever broker it asks. A local read after a restart may be behind: it says how far (L13).
 */
export function checkMonotonicHighWatermark(history: History): Findings {
  const findings = new Findings('L10');
  const highest = new Map<string, number>();
  const events = history.reads.flatMap((read) => {
    const keys = [`broker ${read.broker} in life ${read.life}, "${read.topic}"`];
    if (read.freshness === 'linearizable') keys.push(`client ${read.client}, "${read.topic}"`);
    return keys.flatMap((key) => [
      { at: read.invoked, asks: true, key, highWatermark: read.highWatermark },
      { at: read.completed, asks: false, key, highWatermark: read.highWatermark },
    ]);
  });
  events.sort((a, b) => a.at - b.at);
  for (const { asks, key, highWatermark } of events) {
    const known = highest.get(key) ?? 0;
    if (!asks) {
      highest.set(key, Math.max(known, highWatermark));
      continue;
    }
    findings.checked++;
    if (highWatermark < known) findings.violate(`${key}: a read showed high watermark ${highWatermark}, after one had shown ${known}`);
  }
  return findings;
}
