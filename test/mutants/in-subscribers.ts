// What cursors could get wrong: src/subscribers.
import type { Edit, How, Mutant } from './mutant.ts';

const everything: How = { by: 'sim' };
const edit =
  (file: string) =>
  (find: string, replace: string): Edit => ({ file: `src/subscribers/${file}`, find, replace });
const state = edit('state.ts');
const coordinator = edit('coordinator.ts');
const reads = edit('topic-reads.ts');

export const inSubscribers: readonly Mutant[] = [
  {
    id: 'cursor-moved-at-delivery',
    title: 'what a pull gives is acknowledged as it is given',
    edits: [
      state(
        '(subscriber.cursors.get(cursorKey(range)) as Cursor).pulledTo = range.offsetTo;',
        'advance(subscriber, range, range.offsetTo);',
      ),
    ],
    expected: ['C7'],
    how: everything,
  },
  {
    id: 'cursor-reset-when-out-of-range',
    title: 'a cursor whose records are gone goes on at the beginning of what is left',
    edits: [
      reads(
        'return wait((done) => this.#log.read({ topic, partition, group, offsetFrom, bytesMax, freshness, ...common }, done));',
        `const request = { topic, partition, group, bytesMax, freshness, ...common };
    return wait((done) =>
      this.#log.read({ ...request, offsetFrom }, (found) =>
        found.ok || found.error.code !== 'offsetOutOfRange' ? done(found) : this.#log.read({ ...request, offsetFrom: null }, done),
      ),
    );`,
      ),
    ],
    expected: ['C6'],
    how: everything,
  },
  {
    id: 'repeated-pull-acknowledges',
    title: 'a pull that is repeated acknowledges what it gave before',
    edits: [
      coordinator(
        'const again = refuseNumber(current.value, number, doing);',
        `const again = refuseNumber(current.value, number, doing);
    const { made, lastPull } = current.value;
    if (again === 'again') yield* this.#submit({ type: 'settle', subscriber: id, made, number: lastPull });`,
      ),
    ],
    expected: ['C5', 'C6', 'C7'],
    how: everything,
  },
  {
    id: 'cursor-of-a-former-leader',
    title: 'whoever has led a group answers for it without asking whether it still does',
    edits: [coordinator('yield* wait<LogError | null>((done) => this.#context.confirm(done));', 'null as LogError | null;')],
    expected: ['C1', 'C5', 'C6'],
    how: everything,
  },
  {
    id: 'fence-without-generation',
    title: 'an acknowledgement from before a seek is taken',
    edits: [
      state(
        "if (position.generation !== null && position.generation !== cursor.generation) return 'staleGeneration';",
        "if (position.generation !== null && position.generation > cursor.generation) return 'staleGeneration';",
      ),
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/subscribers/state.test.ts',
      title: 'a cursor rises by acknowledgements and goes back by a seek alone',
    },
  },
  {
    id: 'checkpoint-before-the-catalog',
    title: 'a group that the catalog has not come to after a start is checkpointed as one that nothing follows',
    edits: [
      { file: 'src/broker/services.ts', find: 'if (place === undefined) return null;', replace: "if (place === undefined) return 'none';" },
    ],
    expected: ['V6', 'C1', 'C2', 'C5', 'C6'],
    how: everything,
  },
  {
    id: 'checkpoint-without-cursors',
    title: 'a checkpoint of what keeps subscribers holds its producers alone',
    edits: [
      {
        file: 'src/broker/replica/groups.ts',
        find: "(machine === 'none' ? of.checkpoint() : withMachine(of.checkpoint(), machine))",
        replace: 'of.checkpoint()',
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/subscribers.test.ts',
      title: 'what is acknowledged is cut from the log, and known after a restart of everything',
    },
  },
  {
    id: 'topic-inherits-a-cursor',
    title: 'a topic that is made again under a name is read in place of the one of before',
    edits: [
      coordinator('const group = known?.id === topicId ? known.groups[partition] : undefined;', 'const group = known?.groups[partition];'),
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/conformance/broker.test.ts',
      title: 'to a topic that is deleted says so, and the next topic of that name inherits nothing',
    },
  },
];
