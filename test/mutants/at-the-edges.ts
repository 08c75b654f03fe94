// What stands above the log: gateways and the client.
import type { Mutant } from './mutant.ts';

export const atTheEdges: readonly Mutant[] = [
  {
    id: 'host-check-missing-on-one-route',
    title: 'PUT / does not look at the Host header',
    edits: [
      {
        file: 'src/gateway/http/front.ts',
        find: '    if (refusal !== null) {\n      this.#refuse(request, response, refusal);',
        replace:
          "    if (refusal !== null && !(request.method === 'PUT' && path === '/')) {\n      this.#refuse(request, response, refusal);",
      },
    ],
    expected: [],
    how: { by: 'test', file: 'test/integration/http-guards.test.ts', title: 'that names somebody else is refused on every route' },
  },
  {
    id: 'crash-cuts-what-was-not-read',
    title: 'POST /crash cuts connections that have not sent their request',
    edits: [
      {
        file: 'src/gateway/http/front.ts',
        find: 'if (this.#isUnderWay(socket)) socket.destroy();',
        replace: 'if (this.#isUnderWay(socket) || this.#sockets.get(socket) === null) socket.destroy();',
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/integration/http-contract2.test.ts',
      title: 'is kept, and its POST /exit is answered (0 bytes of it had come)',
    },
  },
  {
    id: 'numbers-not-checked-at-the-edge',
    title: 'a broker takes an append whatever its numbers are',
    edits: [
      { file: 'src/broker/broker.ts', find: 'const refusal = refuseAppend(request);', replace: 'const refusal = null as LogError | null;' },
      { file: 'src/gateway/http/api/schema-parts.ts', find: 'maximum: offsetMax', replace: 'maximum: Number.MAX_SAFE_INTEGER' },
    ],
    expected: [],
    how: { by: 'test', file: 'test/integration/http-edges.test.ts', title: 'is answered by whoever is asked, and ends nobody' },
  },
  {
    id: 'token-check-off',
    title: 'a wrong token is as good as a right one',
    edits: [
      {
        file: 'src/gateway/http/guards.ts',
        find: 'if (token !== null && timingSafeEqual(hashToken(token.trim()), tokenHash)) return null;',
        replace: 'if (token !== null && !timingSafeEqual(hashToken(token.trim()), new Uint8Array(tokenHash.length))) return null;',
      },
    ],
    expected: [],
    how: { by: 'test', file: 'test/integration/http-guards.test.ts', title: 'every route but the page and the probes wants it' },
  },
  {
    id: 'unanswered-lines-are-stored',
    title: 'a batch of lines whose outcome is not known counts as stored',
    edits: [
      {
        file: 'src/ingest/topic-stream.ts',
        find: "    if (again === 'no') return",
        replace: "    if (error.code === 'timeout') return this.#stored(current);\n    if (again === 'no') return",
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/agent/agent.test.ts',
      title: 'stores every line once and in order over kills of itself, with and without its power, and of its logger (seed 2)',
    },
  },
  {
    id: 'unknown-lines-told-as-not-stored',
    title: 'lines are told to be not stored when the last of several attempts is refused',
    edits: [{ file: 'src/ingest/topic-stream.ts', find: "error, proves !== 'notAppended')", replace: 'error, proves === null)' }],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/ingest/topic-store.test.ts',
      title: 'refused after an attempt without an answer are told as what is known of them',
    },
  },
  {
    id: 'other-names-share-one',
    title: 'on the old wire a name that no topic can have loses what it cannot say',
    edits: [{ file: 'src/gateway/cs550/names.ts', find: "`_${byte.toString(16).padStart(2, '0')}`", replace: "'_'" }],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/gateway/cs550/names.test.ts',
      title: 'what can be a topic keeps its name, but for names that are taken',
    },
  },
  {
    id: 'placed-by-the-other-name',
    title: 'a topic that stands for another name is placed by its own',
    edits: [{ file: 'src/broker/catalog/topics.ts', find: 'text: originalName ?? name,', replace: 'text: name,' }],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/elsewhere.test.ts',
      title: 'a topic that only stands for another name is placed by that one, which it keeps over a restart',
    },
  },
  {
    id: 'stopped-node-listens',
    title: 'a node that is stopped keeps its port',
    edits: [{ file: 'src/gateway/cs550/gateway.ts', find: '    this.#server?.close();\n    this.#server = null;\n', replace: '' }],
    expected: [],
    how: { by: 'test', file: 'test/integration/cs550-gateway.test.ts', title: 'is gone before its answer is there, and comes back' },
  },
  {
    id: 'key-in-another-partition',
    title: 'records with a key go to the partition behind the one that their key belongs to',
    edits: [
      {
        file: 'src/partitions/divide.ts',
        find: 'key === null ? keyless : partitionOfKey(key, count);',
        replace: 'key === null ? keyless : (partitionOfKey(key, count) + 1) % count;',
      },
    ],
    expected: ['L20'],
    how: { by: 'sim', faults: ['crash', 'partition'] },
  },
  {
    id: 'divided-anew',
    title: 'a request that was done in part is divided anew when it is sent again without a key',
    edits: [
      {
        file: 'src/partitions/divided-appends.ts',
        find: 'const keyless = requestId === null ? this.#turn++ % count : partitionOfKey(bytes.utf8Encode(requestId), count);',
        replace: 'const keyless = this.#turn++ % count + 0 * (requestId ?? "").length;',
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/partitions/divided-appends.test.ts',
      title: 'with a request id are in the topic once, however often they are sent',
    },
  },
  {
    id: 'merged-before-it-is-known',
    title: 'a merged read gives what it has before every partition has shown what it has next',
    edits: [
      {
        file: 'src/partitions/merged-reader.ts',
        find: 'if (!source.isAtEnd && source.silent === null) return null;',
        replace: 'if (!source.isAtEnd && source.silent === null) continue;',
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/partitions/merged-reader.test.ts',
      title: 'are in that order however little is read at once',
    },
  },
  {
    id: 'names-not-looked-at-again',
    title: 'what was found beside a followed file counts although names have shifted meanwhile',
    edits: [
      {
        file: 'src/tail/next-file.ts',
        find: 'const isSame = (yield* this.#stillStand(neighbours)) && sameNames(names, yield* folder.rotatedNames());',
        replace: 'const isSame = neighbours.length > 0;',
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/tail/file-follower.test.ts',
      title: 'gives every line once, in the order of its file, or tells that something is lost',
    },
  },
  {
    id: 'followed-by-identity-alone',
    title: 'a followed file is known by its inode, whatever it holds',
    edits: [
      {
        file: 'src/tail/place.ts',
        find: 'if (place.head !== null && bytes.crc32c(first) !== place.first) return null;',
        replace: 'if (place.head !== null && bytes.crc32c(first) < 0) return null;',
      },
      {
        file: 'src/tail/place.ts',
        find: 'return begun.place.witness === place.witness ? begun : null;',
        replace: 'return begun.place.witness >= 0 ? begun : null;',
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/tail/file-follower.test.ts',
      title: 'the file that was read is gone and another one has its number: what is left is read, the loss is said',
    },
  },
  {
    id: 'foreign-numbers-taken-for-stored',
    title: 'an agent takes events for stored that another one sent under its numbers',
    edits: [
      {
        file: 'src/agent/agent.ts',
        find: "if (this.#state === 'asking' && index > this.#mayBeSentTo) {",
        replace: 'if (index > this.#spool.end) {',
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/integration/spooling-agent.test.ts',
      title: 'refuses numbers that another agent has used, before it takes any of its events for stored',
    },
  },
  {
    id: 'lines-lost-with-their-topic',
    title: 'lines that a topic was deleted under are given up',
    edits: [
      {
        file: 'src/ingest/topic-store.ts',
        find: "if (error.code === 'unknownTopic' || error.code === 'unknownProducer') this.#place(",
        replace: "if (error.code === 'unknownProducer') this.#place(",
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/ingest/topic-store.test.ts',
      title: 'of 1 partitions is said to be gone once, and made again with 1 it gets every line in the order of its source',
    },
  },
  {
    id: 'uncertain-lines-go-on',
    title: 'lines that may be stored go on into the topic that is made again',
    edits: [
      {
        file: 'src/ingest/topic-stream.ts',
        find: 'if (this.#current !== null && this.unknownCount === 0) {',
        replace: 'if (this.#current !== null) {',
      },
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/ingest/topic-store.test.ts', title: 'does not get what may be in the one that was deleted' },
  },
  {
    id: 'anybodys-token-taken',
    title: 'a token that everybody can change is taken',
    edits: [
      {
        file: 'src/daemon/config.ts',
        find: "if (openToOthers(file) === 'write') throw",
        replace: "if (openToOthers(file) === 'write' && token === '') throw",
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/daemon/warn-insecure.test.ts',
      title: 'a token that everybody can read is told, one that everybody can change is refused',
    },
  },
  {
    id: 'compressed-file-read-anew',
    title: 'a compressed file is taken for one of which nothing was read',
    edits: [
      {
        file: 'src/tail/place-search.ts',
        find: "    return (yield* this.copyOf(place, this.#open.nextSource(), found === null ? 'gone' : 'cut')) ?? found;",
        replace: '    return found;',
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/daemon/collect/unpacked-files.test.ts',
      title: 'before it was read to its end (.gz) is read on where its reading had stopped, and so are those behind it',
    },
  },
  {
    id: 'another-file-under-the-name',
    title: 'a file that was renamed just before it was opened is taken for one that was cut',
    edits: [
      {
        file: 'src/tail/place-search.ts',
        find: 'if (opened.status.identity !== place.identity) {',
        replace: "if (opened.status.identity === '') {",
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/tail/file-follower.test.ts',
      title: 'renamed to app.log.1 between the look at its name and the opening of it',
    },
  },
  {
    id: 'grown-body-copied',
    title: 'a body that has outgrown its memory is copied whole into a larger one',
    edits: [
      {
        file: 'src/gateway/http/gathered-body.ts',
        find: `    const block = memoryOf(room + bytes);
    this.#blocks.push(block);
    this.#free = block.subarray(room);`,
        replace: `    const block = memoryOf(frameHeaderBytes + this.#capacity);
    block.set(this.#blocks[0] ?? new Uint8Array(room));
    this.#blocks.splice(0, 1, block);
    this.#free = block.subarray(frameHeaderBytes + this.#length);`,
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/gateway/http/gathered-body.test.ts',
      title: 'each byte of a body that grows is copied as it comes, and once more when it is whole',
    },
  },
  {
    id: 'answers-that-nobody-takes',
    title: 'a client that takes nothing of its answers keeps its connection',
    edits: [
      {
        file: 'src/gateway/http/front.ts',
        find: 'if (socket.writableLength > 0 || !this.#isUnderWay(socket)) socket.destroy();',
        replace: 'if (socket.writableLength < 0 || !this.#isUnderWay(socket)) socket.destroy();',
      },
    ],
    expected: [],
    how: { by: 'test', file: 'test/integration/http-connections.test.ts', title: 'loses its connection: /openapi.json' },
  },
  {
    id: 'one-file-followed-twice',
    title: 'who follows a file does not ask whether another follower has it under another name',
    edits: [
      {
        file: 'src/tail/file-set.ts',
        find: "      if (read === 'open') return read;",
        replace: "      if (read === 'open') return null;",
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/tail/file-set.test.ts',
      title: 'takes a file that is named twice once, whenever it is rotated, also while nobody looks, from begin',
    },
  },
];
