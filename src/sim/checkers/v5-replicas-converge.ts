// V5 replicas converge
import type { BrokerId } from '../../base/branded.ts';
import type { FinalLog } from '../history.ts';
import type { Members } from './r20-members.ts';
import { endOf, type GroupLedger } from './replica-ledger.ts';
import type { Findings } from './verdict.ts';

/** V5 and V6: after the faults stop, all brokers come to hold the same logs. Brokers write events of their own, so this holds at one moment. */
export function checkHeldLogs(findings: Findings, groups: Iterable<GroupLedger>, sound: readonly BrokerId[], members: Members): void {
  for (const { group, replicas } of groups) {
    const brokers = sound.filter((broker) => members.has(group, broker));
    const ends = brokers.flatMap((broker) => {
      const synced = replicas.get(broker)?.synced;
      return synced === undefined ? [] : [{ broker, end: endOf(synced), checksum: synced[synced.length - 1]?.checksum ?? 0 }];
    });
    const first = ends[0];
    for (const { broker, end, checksum } of ends) {
      findings.checked++;
      if (first !== undefined && (end !== first.end || checksum !== first.checksum)) {
        findings.violate(
          `group ${group}: broker ${broker} ends at ${end}, broker ${first.broker} at ${first.end}${end === first.end ? ' with other contents' : ''}`,
        );
      }
    }
    if (ends.length !== brokers.length) findings.violate(`group ${group}: ${ends.length} of ${brokers.length} brokers hold it`);
  }
}

/** What is at rest is shown alike by all of them; a broker that cannot be read has not converged. */
export function checkShownLogs(findings: Findings, finals: readonly FinalLog[], expected: readonly string[], brokerCount: number): void {
  for (const topic of expected) {
    const logs = finals.filter((final) => final.topic === topic);
    if (logs.length !== brokerCount) {
      findings.violate(`"${topic}" could be read to its end on ${logs.length} of ${brokerCount} brokers`);
      continue;
    }
    const [first] = logs as [FinalLog, ...FinalLog[]];
    // Each removes what retention allows it to in its own time.
    const start = Math.max(...logs.map(({ offsetFrom }) => offsetFrom));
    const expectedRecords = recordsFrom(first, start);
    for (const log of logs) {
      findings.checked++;
      const records = recordsFrom(log, start);
      if (
        log.offsetTo !== first.offsetTo ||
        records.length !== expectedRecords.length ||
        records.some((part, index) => part !== expectedRecords[index])
      ) {
        findings.violate(
          `"${topic}": broker ${log.broker} shows ${log.records.length / 2} records up to ${log.offsetTo}, broker ${first.broker} ${first.records.length / 2} up to ${first.offsetTo}`,
        );
      }
    }
  }
}

function recordsFrom({ records }: FinalLog, start: number): readonly number[] {
  const first = records.findIndex((part, index) => index % 2 === 0 && part >= start);
  return first === -1 ? [] : records.slice(first);
}
