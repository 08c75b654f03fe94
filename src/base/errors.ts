/**
 * The one catalogue of errors. Every code that a user, a program or a broker can meet stands here with its meaning; `docs/reference/errors.md`
 * is checked against it by a test. A definite failure never takes effect later; an indefinite one may have happened and can be retried with the
 * same request id. Kafka codes are those of its protocol guide.
 *
 * `definite` speaks of the attempt that is answered. Where an append is tried again under its request id, an earlier attempt may still be on its way
 * or in the log: of all attempts together speaks `requestOutcome`.
 */
export type RequestOutcome =
  /** It is in the log. */
  | 'appended'
  /** No attempt of it has been or will be appended. */
  | 'notAppended'
  /** Appended or not, no reader is shown it from now on. */
  | 'revoked'
  /** This answer does not say. */
  | 'unknown';

export interface ErrorEntry {
  /** What it means, as a sentence for the reference page. */
  readonly meaning: string;
  /** What the user can do. */
  readonly remedy: string;
  /** Who may say it, and on what evidence. */
  readonly evidence: string;
  /** This attempt has not taken effect and never will. */
  readonly definite: boolean;
  readonly retriable: boolean;
  /** What it says of all attempts under one request id and sequence. */
  readonly requestOutcome: RequestOutcome;
  readonly httpStatus: number;
  readonly kafkaCode: number;
  readonly exitCode: number;
}

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  data: 65,
  unavailable: 69,
  software: 70,
  cannotCreate: 73,
  io: 74,
  indefinite: 75,
  denied: 77,
  config: 78,
  interrupted: 130,
} as const;

const definite = { definite: true, retriable: false, requestOutcome: 'unknown' } as const;
const definiteRetriable = { ...definite, retriable: true } as const;
const indefinite = { ...definiteRetriable, definite: false } as const;

export const errorCatalogue = {
  usage: {
    ...definite,
    httpStatus: 400,
    kafkaCode: 42,
    exitCode: exitCodes.usage,
    meaning: 'The command line is not understood.',
    remedy: 'See `cairn help`.',
    evidence: 'The command line, before it asks anybody.',
  },
  invalidRequest: {
    ...definite,
    httpStatus: 400,
    kafkaCode: 42,
    exitCode: exitCodes.data,
    meaning: 'The request is malformed: a field, a header or the body is not what the route takes.',
    remedy: 'Mend what the message names.',
    evidence: 'The broker that is asked, by looking at the request alone; a client, of an answer below 500 that no broker gives.',
  },
  invalidTopicName: {
    ...definite,
    httpStatus: 400,
    kafkaCode: 17,
    exitCode: exitCodes.data,
    meaning: 'Topic names are 1-249 characters of A-Z, a-z, 0-9, dot, dash, underscore, and neither "." nor "..".',
    remedy: 'Choose another name.',
    evidence: 'The broker that is asked, by the name alone; and the catalog, in its log.',
  },
  corruptBatch: {
    ...definite,
    httpStatus: 400,
    kafkaCode: 2,
    exitCode: exitCodes.data,
    meaning: 'A record batch fails its checksum or its structure is wrong.',
    remedy: 'Send it again from its source.',
    evidence:
      'Whoever takes a batch over: the broker that is asked, the leader for what is passed on to it, the client for what it has read.',
  },
  unknownTopic: {
    ...definite,
    httpStatus: 404,
    kafkaCode: 3,
    exitCode: exitCodes.failed,
    meaning: 'No such topic.',
    remedy: 'Create it: `cairn topic create NAME`.',
    evidence:
      'The broker that is asked, once it has all of the catalog that was committed when it was asked. Of an append: it was sent to no leader.',
  },
  unknownFiles: {
    ...definite,
    httpStatus: 404,
    kafkaCode: 42,
    exitCode: exitCodes.failed,
    meaning: 'The machine exposes no files under that name.',
    remedy: 'Name files that it exposes, or expose them: `cairn serve --role search --files NAME=GLOB`.',
    evidence: 'The machine that is asked, by its configuration.',
  },
  filesNotSearched: {
    ...definiteRetriable,
    httpStatus: 500,
    kafkaCode: 56,
    exitCode: exitCodes.io,
    meaning: 'Not all files that are exposed could be searched; what was found in the others is given.',
    remedy: 'Mend what the message names.',
    evidence: 'The machine that is asked, of its own disk.',
  },
  unknownRoute: {
    ...definite,
    httpStatus: 404,
    kafkaCode: 42,
    exitCode: exitCodes.failed,
    meaning: 'No such route.',
    remedy: 'See /openapi.json.',
    evidence: 'The broker that is asked, by the path alone.',
  },
  methodNotAllowed: {
    ...definite,
    httpStatus: 405,
    kafkaCode: 42,
    exitCode: exitCodes.failed,
    meaning: 'The route exists, but not with this method.',
    remedy: 'See /openapi.json.',
    evidence: 'The broker that is asked, by method and path alone.',
  },
  topicExists: {
    ...definite,
    httpStatus: 409,
    kafkaCode: 36,
    exitCode: exitCodes.failed,
    meaning: 'A topic of that name exists.',
    remedy: 'Use it, or choose another name.',
    evidence: 'The catalog in its log; or the broker that is asked, once it has all of the catalog that was committed when it was asked.',
  },
  topicProtected: {
    ...definite,
    httpStatus: 403,
    kafkaCode: 29,
    exitCode: exitCodes.failed,
    meaning: 'The topic belongs to Cairn itself.',
    remedy: 'Leave it.',
    evidence: 'The broker that is asked, by the name alone; and the catalog, in its log.',
  },
  tooManyTopics: {
    ...definite,
    httpStatus: 403,
    kafkaCode: 44,
    exitCode: exitCodes.failed,
    meaning: 'The cluster has as many topics as its limit allows, or a broker that would keep this one as many partitions.',
    remedy: 'Delete some, or raise the limit in the configuration.',
    evidence: 'The catalog; of a broker that is full, whoever makes the command, by the catalog as it knows it.',
  },
  recordTooLarge: {
    ...definite,
    httpStatus: 413,
    kafkaCode: 10,
    exitCode: exitCodes.data,
    meaning: 'A record or batch is larger than the limit.',
    remedy: 'Split it.',
    evidence: 'The broker that is asked, or the client, by the length alone.',
  },
  unsupportedMediaType: {
    ...definite,
    httpStatus: 415,
    kafkaCode: 42,
    exitCode: exitCodes.data,
    meaning: 'The route does not take this Content-Type.',
    remedy: 'Use one of those in the message.',
    evidence: 'The broker that is asked, by the headers alone.',
  },
  unsupportedCodec: {
    ...definite,
    httpStatus: 415,
    kafkaCode: 76,
    exitCode: exitCodes.data,
    meaning: 'The batch is compressed with a codec that this broker does not take.',
    remedy: 'Send it uncompressed.',
    evidence: 'The broker that is asked, by looking at the batch alone.',
  },
  offsetOutOfRange: {
    ...definite,
    httpStatus: 416,
    kafkaCode: 1,
    exitCode: exitCodes.failed,
    meaning: 'The offset is below the log start or beyond the end of the topic.',
    remedy: 'Read from within the range in the message.',
    evidence:
      'Beyond the end: a broker that has just learnt from the leader how far the topic goes, whatever `level` was asked for. Below the start: a broker, of what itself holds.',
  },
  offsetMismatch: {
    ...definite,
    httpStatus: 409,
    kafkaCode: 42,
    exitCode: exitCodes.failed,
    meaning: 'The end of the partition is not the expected offset: somebody else appended.',
    remedy: 'Read what was appended and decide again.',
    evidence: 'The leader, once a majority has confirmed its office after the append came and all that its log held is committed.',
  },
  revoked: {
    ...definite,
    requestOutcome: 'revoked',
    httpStatus: 409,
    kafkaCode: 42,
    exitCode: exitCodes.failed,
    meaning:
      'This request id was revoked: nothing is appended under it any more, and what had been is shown to no reader from now on. One may have seen it before.',
    remedy: 'Append with a new request id.',
    evidence: 'The leader, as for `offsetMismatch`: the revoke is committed.',
  },
  sequenceGap: {
    ...definite,
    httpStatus: 409,
    kafkaCode: 45,
    exitCode: exitCodes.failed,
    meaning: 'The sequence leaves a gap after what this request id has appended; this attempt was not appended.',
    remedy: 'Go on from `expectedSequence`.',
    evidence:
      'The leader, as for `offsetMismatch`. An earlier attempt that is still on its way may yet be appended behind what is missing.',
  },
  duplicateSequence: {
    ...definite,
    definite: false,
    requestOutcome: 'appended',
    httpStatus: 409,
    kafkaCode: 46,
    exitCode: exitCodes.failed,
    meaning:
      'Up to `expectedSequence` this request id is in the topic: appended before, so long ago that its offsets are no longer remembered, or in other batches. `missing`, where it is there, says how many of the last records were not appended.',
    remedy: 'Go on from `expectedSequence`.',
    evidence: 'The leader, as for `offsetMismatch`. Of all attempts at a batch with `missing` it says nothing.',
  },
  unknownProducer: {
    ...definite,
    httpStatus: 409,
    kafkaCode: 59,
    exitCode: exitCodes.failed,
    meaning:
      'The request id is not, or no longer, known: its sequence is above 0, or this is a retry whose first attempt is older than what the log remembers; this attempt was not appended.',
    remedy: 'Compare with what is in the topic, then start again with a new request id.',
    evidence: 'The leader, as for `offsetMismatch`. An earlier attempt may have been appended and forgotten since, or be on its way.',
  },
  requestIdReused: {
    ...definite,
    requestOutcome: 'notAppended',
    httpStatus: 409,
    kafkaCode: 42,
    exitCode: exitCodes.failed,
    meaning: 'The request id was used before for other contents.',
    remedy: 'Use a new request id.',
    evidence:
      'The leader, as for `offsetMismatch`: the other records are committed. The client, of an answer that counts other records than it sent.',
  },
  noLeader: {
    ...definiteRetriable,
    httpStatus: 503,
    kafkaCode: 5,
    exitCode: exitCodes.unavailable,
    meaning: 'No leader was found in time, so nothing was appended by this attempt.',
    remedy: 'Try again; see `cairn status` for missing brokers.',
    evidence:
      'The broker that is asked: the append was sent to nobody, or only to those who answered that they did not take it. Of a read: no leader of the catalog answered.',
  },
  notLeader: {
    ...definiteRetriable,
    httpStatus: 503,
    kafkaCode: 6,
    exitCode: exitCodes.unavailable,
    meaning: 'Another broker leads the partition.',
    remedy: 'Ask the broker named in the message.',
    evidence:
      'A broker that does not lead, or that could not confirm its office; it has not appended it. Brokers say it to one another and ask the next leader themselves.',
  },
  noReplica: {
    ...definiteRetriable,
    httpStatus: 503,
    kafkaCode: 9,
    exitCode: exitCodes.unavailable,
    meaning: 'This broker has no replica of the partition, and a search is made where the records are.',
    remedy: 'Ask one of the brokers that the message names; `cairn grep` does.',
    evidence: 'The broker that is asked, by the catalog. It is said of searches only.',
  },
  overloaded: {
    ...definiteRetriable,
    httpStatus: 429,
    kafkaCode: 89,
    exitCode: exitCodes.unavailable,
    meaning: 'A bounded queue is full; nothing was appended.',
    remedy: 'Slow down and try again.',
    evidence: 'Whoever has the queue: the broker that is asked, or the leader. It has not appended it.',
  },
  tooManySessions: {
    ...definiteRetriable,
    httpStatus: 429,
    kafkaCode: 89,
    exitCode: exitCodes.unavailable,
    meaning: 'The partition remembers as many request ids with more than one batch as its limit allows.',
    remedy:
      'Wait until some have been idle for `requestIdRetentionMs`, go on with one that is known, or raise `limits.requestSessionsMax`.',
    evidence: 'The leader, by its own limit and the table of its log. It has not appended it.',
  },
  diskFull: {
    ...definiteRetriable,
    httpStatus: 507,
    kafkaCode: 56,
    exitCode: exitCodes.unavailable,
    meaning: 'No space is left to prepare the next segment; nothing was appended. Reads go on.',
    remedy: 'Free space; the broker tries again by itself.',
    evidence:
      'The leader, of its own disk: it has not appended it. Or a broker that has no space for the files of a topic, of a read there.',
  },
  shuttingDown: {
    ...definiteRetriable,
    httpStatus: 503,
    kafkaCode: 8,
    exitCode: exitCodes.unavailable,
    meaning: 'The broker is stopping; nothing was appended.',
    remedy: 'Ask another broker.',
    evidence: 'The broker that is asked: the append was sent to nobody. What was sent is answered `timeout`.',
  },
  starting: {
    ...definiteRetriable,
    httpStatus: 503,
    kafkaCode: 8,
    exitCode: exitCodes.unavailable,
    meaning: 'The broker is still opening its logs.',
    remedy: 'Try again in a moment.',
    evidence: 'The broker that is asked: it has passed nothing on.',
  },
  crashed: {
    ...indefinite,
    httpStatus: 503,
    kafkaCode: 8,
    exitCode: exitCodes.unavailable,
    meaning: 'The broker was told to act as crashed.',
    remedy: 'Recover it: `cairn fault recover`.',
    evidence: 'The broker that is asked, while its fault switch is on; what was under way then may be in a log.',
  },
  fenced: {
    ...definiteRetriable,
    httpStatus: 503,
    kafkaCode: 56,
    exitCode: exitCodes.io,
    meaning:
      'The partition on this broker has damage inside what was once synced; it takes no part until someone acts, and other brokers go on.',
    remedy: "Ask another broker, as Cairn's clients do; at this one follow the message: it names file and position.",
    evidence: 'The broker that is asked, of its own log. It has passed nothing on.',
  },
  timeout: {
    ...indefinite,
    httpStatus: 504,
    kafkaCode: 7,
    exitCode: exitCodes.indefinite,
    meaning: 'The time was spent and the outcome is not known: it may have been or may yet be appended.',
    remedy: 'Retry with the same request id: the answer then tells.',
    evidence:
      'The broker that passed the append on and heard no outcome in time, or heard a refusal that says nothing of an attempt before it; or the client, of the same.',
  },
  notAppendedInTime: {
    ...definiteRetriable,
    httpStatus: 503,
    kafkaCode: 7,
    exitCode: exitCodes.unavailable,
    meaning: 'The time was spent before a leader appended it; this attempt never will be.',
    remedy: 'Try again.',
    evidence:
      'The broker that is asked: the append was sent to nobody, or only to those who did not take it. Or the leader, before it appends it: the time is spent.',
  },
  levelNotReached: {
    ...indefinite,
    httpStatus: 504,
    kafkaCode: 20,
    exitCode: exitCodes.indefinite,
    meaning: 'Appended, but not on all voters in time; `committed`, `offset` and `ackedBy` say what was reached.',
    remedy: 'Retry with the same request id, or accept what was reached.',
    evidence: 'The leader that has appended it.',
  },
  leadershipLost: {
    ...indefinite,
    httpStatus: 503,
    kafkaCode: 7,
    exitCode: exitCodes.indefinite,
    meaning: 'The leader lost its office after appending: the next leader may or may not commit it.',
    remedy: 'Retry with the same request id.',
    evidence: 'The leader that has appended it. Brokers say it to one another and ask the next leader themselves.',
  },
  connectionLost: {
    ...indefinite,
    httpStatus: 502,
    kafkaCode: 13,
    exitCode: exitCodes.indefinite,
    meaning: 'The connection broke before the answer came.',
    remedy: 'Retry with the same request id.',
    evidence: 'The client: the request left, and no answer of a broker came; or the answer is one of a proxy, above 499.',
  },
  unreachable: {
    ...definiteRetriable,
    httpStatus: 502,
    kafkaCode: 13,
    exitCode: exitCodes.unavailable,
    meaning: 'No broker could be reached.',
    remedy: 'Start one (`npm start`), or name it with --server.',
    evidence: 'The client: no connection stood, so nothing left.',
  },
  loggerUnreachable: {
    ...definiteRetriable,
    httpStatus: 503,
    kafkaCode: 8,
    exitCode: exitCodes.unavailable,
    meaning: 'No logger could be reached; nothing was sent.',
    remedy: 'Check address and port, and that the logger listens on that address (`--listen`).',
    evidence: 'The agent: no connection stood, so nothing left.',
  },
  notAcknowledged: {
    ...definite,
    httpStatus: 502,
    kafkaCode: 35,
    exitCode: exitCodes.failed,
    meaning: 'The logger does not acknowledge events, so a spool would only grow.',
    remedy: 'Start the logger with `--topic`, or leave out `--spool`.',
    evidence: 'The agent, by what the logger said when it connected.',
  },
  notCurrent: {
    ...definiteRetriable,
    httpStatus: 503,
    kafkaCode: 78,
    exitCode: exitCodes.unavailable,
    meaning: 'The read could not be made as fresh as asked in time.',
    remedy: 'Try again, or read with level=local.',
    evidence: 'The broker that is asked; it is said of reads only.',
  },
  unauthorized: {
    ...definite,
    httpStatus: 401,
    kafkaCode: 58,
    exitCode: exitCodes.denied,
    meaning: 'The token is missing or wrong.',
    remedy: 'Give --token-file.',
    evidence: 'The broker that is asked, before it looks at the request.',
  },
  hostNotAllowed: {
    ...definite,
    httpStatus: 421,
    kafkaCode: 31,
    exitCode: exitCodes.denied,
    meaning: 'The Host header names neither a loopback name nor a configured address.',
    remedy: 'Use the configured address.',
    evidence: 'The broker that is asked, before it looks at the request.',
  },
  faultInjectionOff: {
    ...definite,
    httpStatus: 403,
    kafkaCode: 31,
    exitCode: exitCodes.denied,
    meaning: 'Fault injection is switched off.',
    remedy: 'Start the broker with --fault-injection.',
    evidence: 'The broker that is asked, by its configuration.',
  },
  crossOrigin: {
    ...definite,
    httpStatus: 403,
    kafkaCode: 31,
    exitCode: exitCodes.denied,
    meaning: 'A page from another origin may not change anything here.',
    remedy: 'Use the page that the broker serves.',
    evidence: 'The broker that is asked, by the headers alone.',
  },
  internal: {
    ...indefinite,
    httpStatus: 500,
    kafkaCode: -1,
    exitCode: exitCodes.software,
    meaning: 'A defect of Cairn.',
    remedy: "Report it with the broker's log.",
    evidence: 'Anybody, of a defect; what was under way may be in a log.',
  },
  interrupted: {
    ...indefinite,
    httpStatus: 503,
    kafkaCode: 7,
    exitCode: exitCodes.interrupted,
    meaning: 'Stopped by the user.',
    remedy: 'Run it again.',
    evidence: 'The command, of what it had begun: what was sent may be in a log.',
  },
  checkFailed: {
    ...definite,
    httpStatus: 500,
    kafkaCode: -1,
    exitCode: exitCodes.failed,
    meaning: 'A check of a lab, the tour or the simulator did not hold.',
    remedy: 'Read the report; the seed repeats it.',
    evidence: 'A lab, the tour or the simulator, of its own check.',
  },
  invalidConfig: {
    ...definite,
    httpStatus: 400,
    kafkaCode: 40,
    exitCode: exitCodes.config,
    meaning: 'The configuration is wrong.',
    remedy: 'Mend the path that the message names.',
    evidence: 'The program that starts, before it begins.',
  },
  insecureListen: {
    ...definite,
    httpStatus: 403,
    kafkaCode: 31,
    exitCode: exitCodes.config,
    meaning: 'An address beyond loopback was asked for without a token file.',
    remedy: 'Give a token file, or --insecure-listen.',
    evidence: 'The program that starts, before it listens.',
  },
  portInUse: {
    ...definite,
    httpStatus: 503,
    kafkaCode: -1,
    exitCode: exitCodes.unavailable,
    meaning: 'Another program listens on the port.',
    remedy: 'Choose another with --port.',
    evidence: 'The program that starts, before it takes part.',
  },
  dataInUse: {
    ...definite,
    httpStatus: 503,
    kafkaCode: -1,
    exitCode: exitCodes.cannotCreate,
    meaning: 'Another broker uses the data directory.',
    remedy: 'Stop it, or name another directory with --data.',
    evidence: 'The program that starts, before it reads the data.',
  },
  dataUnusable: {
    ...definite,
    httpStatus: 503,
    kafkaCode: -1,
    exitCode: exitCodes.cannotCreate,
    meaning: 'The data directory cannot be made, read or written.',
    remedy: 'Check its path and permissions.',
    evidence: 'The program that starts, or a lab, of its own directory.',
  },
  wrongIdentity: {
    ...definite,
    httpStatus: 503,
    kafkaCode: -1,
    exitCode: exitCodes.config,
    meaning: 'The data directory belongs to another broker or cluster, or was wiped, copied or put back to an earlier time.',
    remedy: 'Bring back the right directory; a lost one cannot be replaced under its id.',
    evidence: 'The broker, of its own data: at its start, or told by a peer or by the catalog.',
  },
  corruptData: {
    ...definite,
    httpStatus: 500,
    kafkaCode: 2,
    exitCode: exitCodes.io,
    meaning: 'A file of the broker itself (identity, peers, votes) is damaged.',
    remedy: 'Follow the message: it names file and position.',
    evidence: 'The program that starts, of its own files.',
  },
  diskFailed: {
    ...indefinite,
    httpStatus: 500,
    kafkaCode: 56,
    exitCode: exitCodes.io,
    meaning:
      'A write or sync failed, and the broker stops at once and never retries it; or a read failed, and that answer is all that is lost.',
    remedy: 'Check the disk before starting it again.',
    evidence: 'The broker, of its own disk.',
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCatalogue;
