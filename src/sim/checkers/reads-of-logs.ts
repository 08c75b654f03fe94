import type { History, ReadOperation } from '../history.ts';
import { TopicLog } from './topic-log.ts';
import type { Findings } from './verdict.ts';

export interface ReadOfLog {
  readonly read: ReadOperation;
  /** The final log of its topic. */
  readonly log: TopicLog;
  /** For the words of a violation. */
  readonly name: string;
}

/** All reads, each with what its topic held in the end; topics that were deleted have no end to compare with. */
export function* readsOfLogs(history: History, findings: Findings): Generator<ReadOfLog> {
  const logs = TopicLog.longest(history.finals);
  for (const read of history.reads) {
    const { topic, broker, offsetFrom, offsetNext } = read;
    if (history.deletedTopics.has(topic)) continue;
    findings.checked++;
    const log = logs.get(topic);
    if (log === undefined) findings.giveUp(`"${topic}" could not be read after the run`);
    else yield { read, log, name: `a read of "${topic}" at broker ${broker} from ${offsetFrom} to ${offsetNext}` };
  }
}
