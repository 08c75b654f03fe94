// L20 keys keep to their partition
import { partitionOfKey } from '../../placement/index.ts';
import { simBytes } from '../bytes.ts';
import type { History } from '../history.ts';
import { recordsAt } from '../place-name.ts';
import { Findings } from './verdict.ts';

/** A record with a key that was appended to a topic as a whole is in the partition of its key, and so in order with all others of that key. */
export function checkKeysKeepToTheirPartition(history: History): Findings {
  const findings = new Findings('L20');
  history.forEachShown((place, offset, value, where) => {
    const { partition } = recordsAt(place);
    const { key, topic } = history.appendOf(value) ?? { key: null, topic: place };
    if (key === null || partition === undefined) return;
    const count = history.partitionsOf(recordsAt(topic).topic);
    findings.checked++;
    const wanted = partitionOfKey(simBytes.utf8Encode(key), count);
    if (wanted !== partition)
      findings.violate(
        `value ${value} with key "${key}" belongs into partition ${wanted} of ${count}, and is at offset ${offset} of "${place}" ${where()}`,
      );
  });
  return findings;
}
