// L21 delivered when due
import type { History } from '../history.ts';
import { Findings } from './verdict.ts';

/**
 * L21: what was given to be appended later, and acknowledged, is in the end in its topic on every broker, once, all of it, and by log time never before it was due;
 * what was cancelled, or refused for good, is nowhere. That a value stands once is L3.
 */
export function checkDeliveredWhenDue(history: History): Findings {
  const findings = new Findings('L21');
  const logs = history.finals.map(({ broker, topic, offsetFrom, records, times = [] }) => {
    const at = new Map<number, number>();
    for (let i = 0; i < records.length; i += 2) at.set(records[i + 1] as number, i / 2);
    return { broker, topic, at, times, hasLost: offsetFrom > 0 };
  });
  for (const { append, deliverAtMs, id, cancelled } of history.later) {
    const { topic, valueFrom, valueTo, outcome, code } = append;
    const name = `what was given to "${topic}" for ${deliverAtMs} (${id ?? code ?? 'no answer'}), value`;
    // What is deleted with its topic is delivered to nobody.
    const isDue = outcome === 'ok' && (cancelled === 'no' || cancelled === 'tooLate') && !history.deletedTopics.has(topic);
    for (const { broker, topic: shown, at, times, hasLost } of logs) {
      if (shown !== topic) continue;
      for (let value = valueFrom; value < valueTo; value++) {
        findings.checked++;
        const index = at.get(value);
        if (index === undefined) {
          if (isDue && !hasLost) findings.violate(`lost: ${name} ${value}, is not on broker ${broker}`);
          continue;
        }
        const timeMs = times[index] ?? 0;
        if (timeMs < deliverAtMs) findings.violate(`early: ${name} ${value}, has log time ${timeMs} on broker ${broker}`);
        if (outcome === 'definite') findings.violate(`${name} ${value}, was refused, and is on broker ${broker}`);
        if (cancelled === 'yes') findings.violate(`${name} ${value}, was cancelled, and is on broker ${broker}`);
      }
    }
  }
  return findings;
}
