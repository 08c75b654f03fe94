// What storage could get wrong: src/storage, src/system/disk.ts.
import type { Edit, How, Mutant } from './mutant.ts';

const images: How = { by: 'probe', probe: 'crashImages' };
const flips: How = { by: 'probe', probe: 'byteFlips' };
const recovery = (find: string, replace: string): Edit => ({ file: 'src/storage/recovery.ts', find, replace });

export const inStorage: readonly Mutant[] = [
  {
    id: 'log-not-synced',
    title: 'a write to the log is reported before it is synced',
    edits: [
      {
        file: 'src/storage/group-log.ts',
        find: '      file.sync(synced);',
        replace: '      synced({ ok: true, value: undefined });',
      },
    ],
    expected: ['ST1', 'ST4', 'L1'],
    how: { by: 'sim' },
  },
  {
    id: 'votes-not-synced',
    title: 'a vote is reported before it is synced',
    edits: [
      {
        file: 'src/storage/twin-file.ts',
        find: '  yield* syncFile(file);',
        replace: '  if (bytes.length === 0) yield* syncFile(file);',
      },
    ],
    expected: ['ST4'],
    how: images,
  },
  {
    id: 'rename-without-folder-sync',
    title: 'a new segment’s name is relied on before its folder is synced',
    edits: [
      recovery(
        "  yield* syncDirectory(host.disk, directory);\n  const file = yield* openFile(host.disk, path, 'write');\n  return new ActiveSegment",
        "  const file = yield* openFile(host.disk, path, 'write');\n  return new ActiveSegment",
      ),
    ],
    expected: ['ST1', 'ST7'],
    how: images,
  },
  {
    id: 'replaced-without-folder-sync',
    title: 'a file that was replaced is relied on before its folder is synced',
    edits: [
      {
        file: 'src/storage/steps.ts',
        find: '  yield* must<undefined>((done) => disk.rename(temporary, path, done));\n  yield* syncDirectory(disk, parentOf(path));',
        replace: '  yield* must<undefined>((done) => disk.rename(temporary, path, done));',
      },
    ],
    expected: ['ST4', 'ST7'],
    how: images,
  },
  {
    id: 'header-not-synced',
    title: 'a segment gets its name before its header is synced',
    edits: [
      {
        file: 'src/storage/group-log.ts',
        find: '    yield* syncFile(prepared.file);\n    yield* closeFile(prepared.file);',
        replace: '    yield* closeFile(prepared.file);',
      },
    ],
    expected: ['ST1', 'ST3'],
    how: images,
  },
  {
    id: 'not-written-again',
    title: 'what a killed process left in the page cache counts as synced',
    edits: [
      recovery('  yield* writeAgain(file, scan.lastMarkPosition, scan.position);\n', ''),
      recovery('  yield* syncFile(file);\n  return { segment: new', '  if (clean) yield* syncFile(file);\n  return { segment: new'),
    ],
    expected: ['ST1', 'ST4'],
    how: images,
  },
  {
    id: 'truncation-unannounced',
    title: 'a log is cut back without announcing it first',
    edits: [
      {
        file: 'src/storage/group-log.ts',
        find: '    yield* announceTruncation(this.#host, header, file, place.position);\n',
        replace: '',
      },
    ],
    expected: ['ST1', 'ST3'],
    how: images,
  },
  {
    id: 'batch-checksum-off',
    title: 'the checksum of a batch is not verified on reading',
    edits: [
      {
        file: 'src/storage/scan.ts',
        find: 'if (verify(frame) && !batchChecksumMatches(',
        replace: 'if (!verify(frame) && !batchChecksumMatches(',
      },
    ],
    expected: ['ST2'],
    how: flips,
  },
  {
    id: 'cut-at-first-bad',
    title: 'the log is cut at the first bad checksum',
    edits: [
      recovery(
        "if (rest.kind === 'laterMark' || scan.position < (syncedBefore ?? 0)) {",
        "if (rest.kind !== 'laterMark' && rest.lastByteTo < 0) {",
      ),
      recovery("if (rest.kind === 'bytes') {", "if (rest.kind !== 'zeros') {"),
    ],
    expected: ['ST3'],
    how: flips,
  },
  {
    id: 'index-trusted',
    title: 'an index file is believed without its checksum and without a look at the log',
    edits: [
      {
        file: 'src/storage/segment-index.ts',
        find: '  if (view.getUint32(source.length - 4) !== bytes.crc32c(source.subarray(0, source.length - 4))) return null;\n  if (view.getUint32(0) !== magicHigh || view.getUint32(4) !== magicLow || view.getUint32(8) !== 1 || view.getUint32(12) !== group)',
        replace: '  if (view.getUint32(0) !== magicHigh || bytes.crc32c(source) < 0)',
      },
      recovery(
        'facts === null || facts.baseOffset !== base || facts.endOffset !== next.baseOffset || facts.lastChecksum !== next.previousChecksum',
        'facts === null',
      ),
    ],
    expected: ['ST5'],
    how: flips,
  },
  {
    id: 'checkpoint-trusted',
    title: 'a checkpoint is believed without its checksum',
    edits: [
      {
        file: 'src/storage/checkpoint-file.ts',
        find: 'if (view.getUint32(source.length - 4) !== bytes.crc32c(source.subarray(0, source.length - 4))) return null;',
        replace: 'if (bytes.crc32c(source) < 0) return null;',
      },
    ],
    expected: ['ST5', 'ST6'],
    how: flips,
  },
  {
    id: 'identity-trusted',
    title: 'an identity is believed without its checksum',
    edits: [
      {
        file: 'src/storage/twin-text.ts',
        find: '  if (hex(bytes.crc32c(covered)) !== checksum) return null;',
        replace: '  if (covered.length === 0) return null;',
      },
    ],
    expected: ['ST2'],
    how: flips,
  },
  {
    id: 'votes-written-once',
    title: 'a vote is written to one of its two places only',
    edits: [
      {
        file: 'src/storage/twin-file.ts',
        find: '  for (const start of copyStartsOf(file.size)) yield* writeAt',
        replace: '  for (const start of copyStartsOf(file.size).slice(1)) yield* writeAt',
      },
    ],
    expected: ['ST2', 'ST4'],
    how: flips,
  },
  {
    id: 'synced-slot-not-looked-at',
    title: 'a log that ends before what was known to be synced is taken for whole',
    edits: [recovery("if (rest.kind === 'laterMark' || scan.position < (syncedBefore ?? 0)) {", "if (rest.kind === 'laterMark') {")],
    expected: [],
    how: { by: 'test', file: 'test/unit/storage/damage.test.ts', title: 'is noticed once it was idle, wherever the page begins' },
  },
  {
    id: 'torn-slot-is-damage',
    title: 'a slot that a failed write left half written is taken for damage',
    edits: [
      recovery(
        '  return { header, truncation: readTruncation(header, source, host.bytes), syncedBefore: readSynced(header, source, host.bytes) };',
        `  const syncedBefore = readSynced(header, source, host.bytes);
  if (syncedBefore === null && source.subarray(768, 788).some((byte) => byte !== 0))
    throw new CorruptionFound({ path, position: 768, expected: 'a synced position or zeros', found: 'other bytes' });
  return { header, truncation: readTruncation(header, source, host.bytes), syncedBefore };`,
      ),
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/storage/damage.test.ts', title: 'does not make a log look damaged: a clean stop' },
  },
  {
    id: 'truncation-carried-out-twice',
    title: 'a truncation whose clearing was lost cuts what was appended since',
    edits: [
      {
        file: 'src/storage/truncate.ts',
        find: '  return readMark(header, source, 0, position, bytes) !== null;',
        replace: '  return readMark(header, source, 0, position, bytes) !== null && position === 0;',
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/storage/damage.test.ts',
      title: 'at offset 5 is not carried out again when only the write that cleared it was lost',
    },
  },
  {
    id: 'gap-in-votes',
    title: 'a missing record of votes is passed over',
    edits: [
      {
        file: 'src/storage/vote-journal.ts',
        find: '    if (found === undefined) {\n',
        replace: '    if (found === undefined && newest > 0) continue;\n    if (found === undefined) {\n',
      },
    ],
    expected: ['ST3', 'ST4'],
    how: flips,
  },
  {
    id: 'sync-error-ignored',
    title: 'a failed write or sync is taken for a good one',
    edits: [
      {
        file: 'src/broker/loop.ts',
        find: "if (!isGivenUp) this.#steps.fatal(error.error, 'write its log');",
        replace: "if (!isGivenUp && error.error.code !== 'failed') this.#steps.fatal(error.error, 'write its log');\n      done();",
      },
      {
        file: 'src/broker/loop.ts',
        find: "if (!result.ok) return this.#steps.fatal(result.error, 'write its votes');",
        replace: "if (!result.ok && result.error.code !== 'failed') return this.#steps.fatal(result.error, 'write its votes');",
      },
    ],
    expected: ['ST8', 'ST1', 'ST4'],
    how: { by: 'sim' },
  },
  {
    id: 'short-write-ignored',
    title: 'a short write is taken for a whole one',
    edits: [
      {
        file: 'src/system/disk.ts',
        find: '        length -= written;\n',
        replace: '        length -= written < length ? length : written;\n',
      },
      { file: 'src/system/disk.ts', find: 'if (written < length) this.#writeLater(', replace: 'if (written < 0) this.#writeLater(' },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/faults/storage-real-faults.test.ts',
      title: 'a write that finds too little space is never taken for a whole one',
    },
  },
  {
    id: 'removed-above-checkpoint',
    title: 'records are removed that no checkpoint covers',
    edits: [
      {
        file: 'src/storage/group-log.ts',
        find: 'oldest.facts.endOffset > Math.min(before, this.#checkpointedTo)',
        replace: 'oldest.facts.endOffset > before',
      },
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/forgetting.test.ts', title: 'is not removed while no checkpoint can be written' },
  },
];
