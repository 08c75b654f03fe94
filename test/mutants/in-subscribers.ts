// What cursors could get wrong: src/subscribers.
import type { Edit, How, Mutant } from './mutant.ts';

const everything: How = { by: 'sim' };
const edit =
  (file: string) =>
  (find: string, replace: string): Edit => ({ file: `src/subscribers/${file}`, find, replace });
const state = edit('state.ts');
const group = edit('group.ts');
const pulls = edit('pulls.ts');
const reads = edit('topic-reads.ts');
const division = edit('division.ts');
const membership = edit('membership.ts');
const retries = edit('retries.ts');
const parking = edit('parking.ts');

export const inSubscribers: readonly Mutant[] = [
  {
    id: 'cursor-moved-at-delivery',
    title: 'what a pull gives is acknowledged as it is given',
    edits: [
      state(
        'else if (range.tries === undefined) cursor.pulledTo = range.offsetTo;',
        'else if (range.tries === undefined) advance(subscriber, { ...range, offset: range.offsetTo }, kept);',
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
        'this.#log.read({ topic, partition, group, offsetFrom, bytesMax, freshness, ...common }, done),',
        `this.#log.read({ topic, partition, group, offsetFrom, bytesMax, freshness, ...common }, (found) =>
        found.ok || found.error.code !== 'offsetOutOfRange'
          ? done(found)
          : this.#log.read({ topic, partition, group, offsetFrom: null, bytesMax, freshness, ...common }, done),
      ),`,
      ),
    ],
    expected: ['C6'],
    how: everything,
  },
  {
    id: 'repeated-pull-acknowledges',
    title: 'a pull that is repeated acknowledges what it gave before',
    edits: [
      pulls(
        'const again = refuseNumber(puller, number, doing);',
        `const again = refuseNumber(puller, number, doing);
    const { made, lastPull } = current.value;
    if (again === 'again') yield* this.#group.submit({ type: 'settle', subscriber: id, made, number: lastPull });`,
      ),
    ],
    expected: ['C5', 'C6', 'C7'],
    how: everything,
  },
  {
    id: 'cursor-of-a-former-leader',
    title: 'whoever has led a group answers for it without asking whether it still does',
    edits: [group('yield* wait<LogError | null>((done) => this.context.confirm(done));', 'null as LogError | null;')],
    expected: ['C1', 'C5', 'C6'],
    how: everything,
  },
  {
    id: 'fence-without-generation',
    title: 'an acknowledgement from before a seek is taken',
    edits: [state('generation !== null && generation !== cursor.generation;', 'generation !== null && generation > cursor.generation;')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/subscribers/state.test.ts',
      title: 'a cursor rises by acknowledgements and goes back by a seek alone',
    },
  },
  {
    id: 'attempt-done-twice',
    title: 'a request about subscribers that was done is done again by an attempt that comes late',
    edits: [state('if (before !== undefined) return before;', '')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/subscribers/state.test.ts',
      title: 'an attempt that comes late does not do again what others have undone since',
    },
  },
  {
    id: 'rebalance-that-stops-all',
    title: 'a worker that comes fences all others',
    edits: [
      division(
        'else (meant.get(held.worker) ?? unwanted).push(cursor);',
        'else (meant.get(give(cursor, held.worker, at, timeMs) ?? held.worker) ?? unwanted).push(cursor);',
      ),
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/subscribers/division.test.ts', title: 'a move of one partition fences nobody who holds another' },
  },
  {
    id: 'pull-of-what-another-holds',
    title: 'a pull gives what its worker does not hold, where it names the right generation',
    edits: [
      state(
        'if (cursor?.generation !== range.generation || holderOf(cursor) !== worker) return false;',
        'if (cursor?.generation !== range.generation) return false;',
      ),
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/subscribers/division.test.ts',
      title: 'a pull gives nothing of what another holds, whatever generation it names',
    },
  },
  {
    id: 'worker-holds-what-it-does-not-want',
    title: 'partitions are divided among all workers, whatever they pull from',
    edits: [division('const by = named.get(cursor.topic);', 'const by = named.get(`${cursor.topic}/`);')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/subscribers/division.test.ts',
      title: 'whoever pulls from more has fewer of what others pull from too',
    },
  },
  {
    id: 'read-by-one-is-read-by-all',
    title: 'what one group of subscribers has read of a topic is removed',
    edits: [
      {
        file: 'src/broker/subscribers/subscribers.ts',
        find: 'one === null || (other !== null && other.offset < one.offset) ? other : one;',
        replace: 'one === null || (other !== null && other.offset > one.offset) ? other : one;',
      },
    ],
    expected: ['C10'],
    how: { by: 'sim', minutes: 1 },
  },
  {
    id: 'pattern-holds-nothing-back',
    title: 'a subscriber whose pattern has not taken up a topic yet holds nothing of it back',
    edits: [
      state(
        'const offset = readTo(one.cursors.get(key));',
        'const offset = one.cursors.has(key) ? readTo(one.cursors.get(key)) : Number.POSITIVE_INFINITY;',
      ),
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/kept-until-read.test.ts',
      title: 'what all subscribers have read goes, and no more; a description says who holds back what goes next',
    },
  },
  {
    id: 'move-keeps-the-generation',
    title: 'whoever had a partition before may acknowledge it yet',
    edits: [division('  cursor.generation = at;\n', '')],
    expected: ['C3', 'C4'],
    how: everything,
  },
  {
    id: 'dead-by-the-clock-of-whoever-leads',
    title: 'whoever leads takes for dead of whom it has heard nothing, though it leads for a moment only',
    edits: [membership('return nowMs - this.#heardOf(epoch, nowMs).atMs;', 'return nowMs - (this.#heard.get(epoch)?.atMs ?? 0);')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/subscribers/workers.test.ts',
      title: 'an election, or a clock that jumps, kills nobody: whoever leads waits for a session of its own',
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
    edits: [group('const group = known?.id === topicId ? known.groups[partition] : undefined;', 'const group = known?.groups[partition];')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/conformance/broker.test.ts',
      title: 'to a topic that is deleted says so, and the next topic of that name inherits nothing',
    },
  },
  {
    id: 'parked-counted-as-read',
    title: 'a record that is parked is done, and nobody knows it any more',
    edits: [retries('    subscriber.parked.set(id, {', '    new Map<number, Parked>().set(id, {')],
    expected: ['C8'],
    how: everything,
  },
  {
    id: 'parked-under-a-new-request',
    title: 'whoever leads parks under a request id of its own',
    edits: [parking('`parked/${made}/${topicId}/${partition}/${offset}/${since}`', '`parked/${this.#group.context.nonce()}`')],
    expected: ['C9'],
    how: everything,
  },
  {
    id: 'failure-counts-as-processed',
    title: 'a negative acknowledgement only acknowledges',
    edits: [retries('      this.#add(cursor, retry);\n', '')],
    expected: ['C8'],
    how: everything,
  },
];
