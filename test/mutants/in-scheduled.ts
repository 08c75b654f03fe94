// What is appended later could get wrong: src/scheduled, and what it asks of the log.
import type { Edit, How, Mutant } from './mutant.ts';

const everything: How = { by: 'sim' };
const edit =
  (file: string) =>
  (find: string, replace: string): Edit => ({ file, find, replace });
const deliverer = edit('src/scheduled/deliverer.ts');
const state = edit('src/scheduled/state.ts');
const leader = edit('src/broker/replica/leader-appends.ts');

export const inScheduled: readonly Mutant[] = [
  {
    id: 'delayed-record-delivered-twice',
    title: 'a delayed record is appended under another id by each leader of the group that keeps it',
    edits: [
      deliverer(
        'return `cairn-scheduled:${this.#context.group}:${place}`;',
        'return `cairn-scheduled:${this.#context.group}:${place}:${this.#term}`;',
      ),
    ],
    expected: ['L3'],
    how: everything,
  },
  {
    id: 'delayed-record-taken-out-before-it-is-appended',
    title: 'what is claimed is taken out with its claim, and lost with the leader that was to append it',
    edits: [
      state(
        'for (const place of command.claim) this.#waiting.claim(place);',
        'for (const place of command.claim) this.#waiting.remove(place);',
      ),
    ],
    expected: ['L21'],
    how: everything,
  },
  {
    id: 'delayed-record-early',
    title: 'the leader of a partition takes what is to be appended later when the leader that sends it thinks that it is due',
    edits: [
      leader('if (deliverAtMs !== null && this.#replica.nextStampMs < deliverAtMs) {', 'if (deliverAtMs !== null && deliverAtMs < 0) {'),
    ],
    expected: ['L21'],
    how: everything,
  },
  {
    id: 'delayed-record-cancelled-while-it-is-delivered',
    title: 'a cancellation takes out what is being delivered, and says that it is cancelled',
    edits: [state("    if (entry.isClaimed) return 'claimed';\n", '')],
    expected: ['L21'],
    how: everything,
  },
  {
    id: 'delayed-record-forgotten-id',
    title: 'the leader of a partition does not ask whether it may have forgotten the id of what was to be appended later',
    edits: [
      leader(
        'if (deliverAtMs !== null) return tail.lastStamp.ms < deliverAtMs ? null : tail.producers.ageMs - (tail.lastStamp.ms - deliverAtMs);',
        'if (deliverAtMs !== null) return null;',
      ),
    ],
    expected: ['L3'],
    how: everything,
  },
  {
    id: 'delayed-record-dropped-by-a-full-disk',
    title: 'what a full disk does not take is given up',
    edits: [
      deliverer(
        "return ofItself.has(code) ? { type: 'dropped', reason: message }",
        "return ofItself.has(code) || code === 'diskFull' ? { type: 'dropped', reason: message }",
      ),
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/scheduled.test.ts',
      title: 'because the disk of its partition is full, it waits for that, the list says so, and it comes once there is room',
    },
  },
];
