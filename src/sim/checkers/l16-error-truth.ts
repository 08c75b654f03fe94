// L16 error truth
import type { AppendOperation, History } from '../history.ts';
import { TopicLog } from './topic-log.ts';
import { Findings } from './verdict.ts';

/**
 * What failed definitely, by what a client concludes from all its answers (`eventlog/attempts.ts`), is never shown; what was said to be in the log all the
 * same is there; what is said to be out of range is not.
 */
export function checkErrorTruth(history: History): Findings {
  const findings = new Findings('L16');
  checkFailures(history, findings);
  checkSaidAppended(history, findings);
  checkOutOfRange(history, findings);
  return findings;
}

function checkFailures(history: History, findings: Findings): void {
  const see = (topic: string, offset: number, value: number, where: string, mayHide: (append: AppendOperation) => boolean): void => {
    const append = history.appendOf(value);
    if (append === undefined) return;
    findings.checked++;
    if (append.outcome !== 'definite' || mayHide(append)) return;
    findings.violate(
      `value ${value} failed definitely with ${append.code ?? 'no code'} and is shown at offset ${offset} of "${topic}" ${where}`,
    );
  };
  for (const { topic, records, broker, freshness, invoked } of history.reads) {
    // Of what is revoked it is said that nobody is shown it from now on; who lags may still show it.
    const isBefore = (append: AppendOperation): boolean =>
      append.code === 'revoked' && (freshness !== 'linearizable' || invoked < append.completed);
    for (let i = 0; i < records.length; i += 2)
      see(topic, records[i] as number, records[i + 1] as number, `in a read at broker ${broker}`, isBefore);
  }
  for (const { topic, records, broker } of history.finals) {
    for (let i = 0; i < records.length; i += 2)
      see(topic, records[i] as number, records[i + 1] as number, `in the final log of broker ${broker}`, () => false);
  }
}

function checkSaidAppended(history: History, findings: Findings): void {
  const logs = TopicLog.longest(history.finals);
  for (const { saidAppended, topic, valueFrom, revokeTried, code } of history.appends) {
    const log = logs.get(topic);
    // What is gone from the front may have been there.
    if (!saidAppended || revokeTried || log === undefined || log.offsetFrom > 0 || history.deletedTopics.has(topic)) continue;
    findings.checked++;
    if (log.offsetOf(valueFrom) === undefined)
      findings.violate(
        `value ${valueFrom} was said to be in "${topic}" (${code ?? 'in the end acknowledged'}) and is not in its final log`,
      );
  }
}

function checkOutOfRange(history: History, findings: Findings): void {
  for (const { topic, broker, offset, logStartOffset, committedEnd } of history.outOfRange) {
    if (history.deletedTopics.has(topic)) continue;
    findings.checked++;
    if (offset < logStartOffset || offset > committedEnd) continue;
    findings.violate(
      `broker ${broker} said that offset ${offset} of "${topic}" is out of range, and ${committedEnd} was committed when it was asked`,
    );
  }
}
