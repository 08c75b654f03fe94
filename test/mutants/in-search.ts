// What a search of a topic could get wrong: src/broker/edge/scans.ts, src/storage (range-scan.ts, group-log.ts), src/query.
import type { Edit, How, Mutant } from './mutant.ts';

const everything: How = { by: 'sim', brokers: 3, minutes: 1 };
const edit =
  (file: string) =>
  (find: string, replace: string): Edit => ({ file: `src/${file}`, find, replace });
const scans = edit('broker/edge/scans.ts');
const range = edit('storage/range-scan.ts');
const filters = edit('storage/gram-filter.ts');
const search = edit('query/sink/record-search.ts');

export const inSearch: readonly Mutant[] = [
  {
    id: 'search-to-the-end-of-the-leader',
    title: 'a search ends at the end of the log, not at the high watermark',
    edits: [scans('highWatermark: replica.visible,', 'highWatermark: replica.log.endOffset,')],
    expected: ['L19'],
    how: everything,
  },
  {
    id: 'search-skips-what-matches',
    title: 'a batch with the text only in its second half is passed over',
    edits: [range('return this.#nextHit < from + batch.length;', 'return this.#nextHit < from + batch.length / 2;')],
    expected: ['L19'],
    how: everything,
  },
  {
    id: 'search-leaves-out-a-block',
    title: 'a block is left out although its filter says that it may hold what is looked for',
    edits: [filters('const mayHold = grams.some(', 'const mayHold = grams.slice(1).some(')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/storage/range-scan.test.ts',
      title: 'leave out what does not hold the text, whatever is looked for',
    },
  },
  {
    id: 'search-leaves-out-context',
    title: 'a block is left out whose last records are context of what the next one holds',
    edits: [filters('owed = mayHold ? before :', 'owed = mayHold ? 0 :')],
    expected: [],
    how: { by: 'test', file: 'test/unit/storage/range-scan.test.ts', title: 'give the context in front of a match' },
  },
  {
    id: 'search-letters-with-others',
    title: 'a filter is asked for letters that other characters match without regard to case',
    edits: [filters('byte === 105 || byte === 107 || byte === 115', 'byte === 105 || byte === 107')],
    expected: [],
    how: { by: 'test', file: 'test/unit/storage/range-scan.test.ts', title: 'know no case, and doubt the letters' },
  },
  {
    id: 'search-not-marked-partial',
    title: 'a search that was ended says that it has seen everything',
    edits: [range("this.#missTo(this.#through, 'stopped', null);", "this.#missTo(this.#scan.range.offsetTo, 'stopped', null);")],
    expected: [],
    how: { by: 'test', file: 'test/unit/storage/range-scan.test.ts', title: 'says from where on it has not looked' },
  },
  {
    id: 'search-loses-what-nobody-took',
    title: 'what a search had found when it was ended is neither given nor told',
    edits: [scans('scan.isCut = true;', 'scan.isCut = false;')],
    expected: ['L19'],
    how: everything,
  },
  {
    id: 'search-damage-not-told',
    title: 'a damaged range is passed over',
    edits: [
      range(
        '    this.#missing.push({ offsetFrom: this.#reached, offsetTo, reason, detail, corruption });',
        "    if (reason !== 'damaged') this.#missing.push({ offsetFrom: this.#reached, offsetTo, reason, detail, corruption });",
      ),
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/storage/range-scan.test.ts', title: 'is told, and the search goes on behind it' },
  },
  {
    id: 'search-what-is-being-cut',
    title: 'a search reads from the files what a truncation under way is about to cut from them',
    edits: [edit('storage/group-log.ts')('this.#cutTo ?? this.#active.scan.endOffset', 'this.#active.scan.endOffset')],
    expected: [],
    how: { by: 'test', file: 'test/unit/storage/range-scan.test.ts', title: 'never gives what is being cut' },
  },
  {
    id: 'search-context-across-a-gap',
    title: 'what is beside something left out counts as its neighbour',
    edits: [search('  gap(): void {\n    this.#seen++;', '  gap(): void {\n    this.#seen += 0;')],
    expected: ['L19'],
    how: everything,
  },
  {
    id: 'search-reads-over-what-it-keeps',
    title: 'the memory of records that may still be context, or wait for GNU grep, is read into again',
    edits: [range('(bytes) => search.holdsNothing && recycle(bytes)', '(bytes) => recycle(bytes)')],
    expected: [],
    how: { by: 'test', file: 'test/unit/storage/range-scan.test.ts', title: 'keeps what it has read as long as that is' },
  },
  {
    id: 'search-looks-on-from-another-batch',
    title: 'where a text was found last counts in the next batch too',
    edits: [search('    this.#next.fill(-1);\n', '')],
    expected: [],
    how: { by: 'test', file: 'test/unit/query/record-search.test.ts', title: 'each that holds the text is found' },
  },
  {
    id: 'search-shows-what-was-revoked',
    title: 'a search shows revoked records',
    edits: [range('return !isControl(batch) && (this.#hidden.size === 0 ||', 'return !isControl(batch) && (this.#hidden.size >= 0 ||')],
    expected: ['D7', 'L19'],
    how: everything,
  },
];
