// What a broker could get wrong between consensus, storage and whoever asks: src/broker, and its clock.
import type { Edit, How, Mutant } from './mutant.ts';

const everything: How = { by: 'sim' };
const edit =
  (file: string) =>
  (find: string, replace: string): Edit => ({ file: `src/broker/${file}`, find, replace });
const loop = edit('loop.ts');
const producers = edit('replica/producers.ts');
const queue = edit('edge/append-queue.ts');
const leader = edit('replica/leader-appends.ts');
const quiet = edit('replica/quiet-groups.ts');
const groups = edit('replica/groups.ts');
const elsewhere = edit('edge/elsewhere.ts');
const relays = edit('edge/relays.ts');
const homecoming = edit('catalog/homecoming.ts');
const topicReplicas = edit('catalog/topic-replicas.ts');
const replica = edit('replica/replica.ts');
const roundTimes = edit('replica/round-times.ts');
const services = edit('services.ts');
const lives = edit('peers/peer-lives.ts');
const reads = edit('edge/reads.ts');
const stateMachine = edit('replica/state-machine.ts');
const clock = (find: string, replace: string): Edit => ({ file: 'src/clocks/hybrid.ts', find, replace });
/** Few other faults, so that every run has them: with all of them one in four has. */
const replacedDisks: How = { by: 'sim', brokers: 3, minutes: 1, faults: ['wipe', 'rollback', 'crash', 'powerLoss', 'partition'] };

export const inTheBroker: readonly Mutant[] = [
  {
    id: 'vote-not-persisted',
    title: 'whom a broker voted for is not written down',
    edits: [
      loop(
        'this.#votes.push({ group: replica.group, vote: persist.vote,',
        'this.#votes.push({ group: replica.group, vote: { ...persist.vote, votedFor: null },',
      ),
    ],
    expected: ['ST4', 'R6'],
    how: everything,
  },
  {
    id: 'term-not-persisted',
    title: 'a term without a vote is not written down',
    edits: [loop('if (persist.vote === null) {', 'if (persist.vote === null || persist.vote.votedFor === null) {')],
    expected: ['ST4', 'R6', 'ST3'],
    how: everything,
  },
  {
    id: 'uncommitted-of-all-not-bounded',
    title: 'what all groups of a broker have taken and cannot commit is not bounded',
    edits: [edit('replica/shared-room.ts')('return own === 0 || own < this.max - this.#held;', 'return own >= 0;')],
    expected: ['R22'],
    how: { by: 'sim', brokers: 3, minutes: 1, settings: { uncommittedBytesPerBrokerMax: 600 } },
  },
  {
    id: 'request-ids-of-all-not-bounded',
    title: 'what all groups of a broker remember of request ids is not bounded',
    edits: [edit('replica/request-id-levels.ts')('if (most < own)', 'if (most < 0)')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/per-broker-bounds.test.ts',
      title: 'are bounded over all topics that a broker leads: the largest forget their oldest, and whoever is new is taken',
    },
  },
  {
    id: 'retry-appended-again',
    title: 'a repeated request is appended a second time',
    edits: [producers("return { kind: 'duplicate', batch: known };", "return { kind: 'append' };")],
    expected: ['L3'],
    how: everything,
  },
  {
    id: 'retry-answered-with-another-offset',
    title: 'a repeated request is answered with the end of the log',
    edits: [
      leader(
        'this.#wait({ offsetFrom, offsetTo: offsetFrom + count, term, timestampMs, isDuplicate: true, level, deadlineMs, answer });',
        `const end = this.#replica.raft.endOffset;
    this.#wait({ offsetFrom: Math.max(offsetFrom, end - count), offsetTo: end, term, timestampMs, isDuplicate: true, level, deadlineMs, answer });`,
      ),
    ],
    expected: ['L1', 'L4', 'L3'],
    how: everything,
  },
  {
    id: 'retry-answered-before-commit',
    title: 'a repeated request is answered although the first is not committed',
    edits: [
      leader(
        'return isCommitted && (!one.isDuplicate || this.#isOnMajority(one));',
        'return one.isDuplicate || (isCommitted && one.offsetTo > 0 && !this.#isOnNone(one));',
      ),
      leader(
        '  #isOnMajority(one: Waiting): boolean {',
        '  #isOnNone(one: Waiting): boolean {\n    return !this.#isOnMajority(one) && one.isDuplicate;\n  }\n\n  #isOnMajority(one: Waiting): boolean {',
      ),
    ],
    expected: ['P1', 'L1', 'L9'],
    how: everything,
  },
  {
    id: 'forgotten-by-wall-clock',
    title: 'request ids are forgotten when the leader’s wall clock has jumped',
    edits: [
      producers(
        'this.#ageMs += Math.min(Math.max(0, timestampMs - this.#committedMs), agingMsMax);',
        'this.#ageMs += Math.min(Math.max(0, timestampMs - this.#committedMs), agingMsMax * 1e6);',
      ),
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/replica/tail.test.ts', title: 'the age of the log' },
  },
  {
    id: 'forwarded-without-producer',
    title: 'a broker packs appends without a producer of its own, so that a second attempt is a second append',
    edits: [
      queue(
        'return { id: this.#producerId, epoch: this.#epoch, baseSequence: this.#sequence++ };',
        'return { id: this.#producerId, epoch: this.#epoch, baseSequence: this.#sequence++ % 1 };',
      ),
      producers('const known = isNew ? undefined :', "const known = isNew || producerKind(batch.producerId) === 'broker' ? undefined :"),
    ],
    expected: ['L3'],
    how: everything,
  },
  {
    id: 'retried-under-a-new-sequence',
    title: 'an append whose outcome is not known waits again as if it had never been sent',
    edits: [
      queue('(unit) => unit.outstanding === 0 && !unit.isUnknown && !unit.isDone);', '(unit) => unit.outstanding === 0 && !unit.isDone);'),
    ],
    expected: ['L3'],
    how: everything,
  },
  {
    id: 'timeout-is-definite',
    title: 'an append that was sent and not answered in time fails definitely',
    edits: [
      queue(
        "this.#edge.failed(member, 'timeout', `not confirmed within",
        "this.#edge.failed(member, 'notAppendedInTime', `not confirmed within",
      ),
    ],
    expected: ['L16'],
    how: everything,
  },
  {
    id: 'lost-leadership-is-definite',
    title: 'an append that a deposed leader had taken is refused definitely',
    edits: [
      queue('unit.isUnknown = judged.isUncertain;', "unit.isUnknown = code === 'leadershipLost' ? unit.isUnknown : judged.isUncertain;"),
    ],
    expected: ['L3', 'L16'],
    how: everything,
  },
  {
    id: 'age-not-in-checkpoints',
    title: 'a table of producers that comes from a checkpoint counts the age of its log anew',
    edits: [
      producers(
        '    this.#ageMs = ageMs;\n    this.#committedMs = committedMs;',
        '    this.#ageMs = 0;\n    this.#committedMs = committedMs;',
      ),
    ],
    expected: ['R11'],
    how: everything,
  },
  {
    id: 'behind-is-out-of-range',
    title: 'a broker that is behind says of what it does not have that it is out of range',
    edits: [
      reads(
        "return request.freshness === 'linearizable' ? this.#outOfRange(reader) : this.#ask(reader);",
        'return this.#outOfRange(reader);',
      ),
    ],
    expected: ['L16'],
    how: everything,
  },
  {
    id: 'command-without-end',
    title: 'whoever changed the catalog waits for as long as this broker does not see it take effect',
    edits: [stateMachine('const unknown = this.#waiting.filter(isLate);', 'const unknown = this.#waiting.filter(() => false);')],
    expected: ['A4'],
    how: { by: 'probe', probe: 'cutOff' },
  },
  {
    id: 'age-since-hearing',
    title: 'a local read counts from when a leader or a majority was heard, not from when that was sent',
    edits: [
      replica('this.noteCurrent(this.#answeredRounds.timeOf(message.term, message.asOfContext));', 'this.noteCurrent(nowMs);'),
      replica('this.noteCurrent(this.#sentRounds.timeOf(this.raft.term, confirmed));', 'this.noteCurrent(nowMs);'),
    ],
    expected: ['L13'],
    how: everything,
  },
  {
    id: 'age-since-sent-again',
    title: 'a round that came right behind another one counts from when it was sent once more',
    edits: [roundTimes('if (round <= this.#newest) return;', 'if (round <= (this.#rounds.at(-1) ?? 0)) return;')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/replica/round-times.test.ts',
      title: 'a round counts from when it was first sent, however often it is sent again',
    },
  },
  {
    id: 'refused-in-an-old-office',
    title: 'a leader refuses what its log says without making sure that it still leads',
    edits: [leader('this.#context.confirmOffice(deadlineMs, (isConfirmed) => {', '[true].forEach((isConfirmed) => {')],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/refusals.test.ts', title: 'does not say that a request id is unknown, or leaves a gap' },
  },
  {
    id: 'refused-before-commit',
    title: 'a leader refuses on the strength of what is not committed',
    edits: [
      leader(
        'if (isConfirmed && raft.term === term) this.whenCommitted(deadlineMs, tell, endOffset);',
        'if (isConfirmed && raft.term === term) tell(true);',
      ),
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/refusals.test.ts',
      title: 'waits for the disks of a majority though its leader is confirmed',
    },
  },
  {
    id: 'shown-before-commit',
    title: 'a follower shows the end of its log and not what is committed',
    edits: [
      replica('const visible = offset(Math.min(this.raft.highWatermark, this.#writtenEnd));', 'const visible = offset(this.#writtenEnd);'),
    ],
    expected: ['L9', 'L4', 'L10'],
    how: everything,
  },
  {
    id: 'shown-from-leader-end',
    title: 'a follower takes the leader’s end for the high watermark',
    edits: [
      {
        file: 'src/raft/leadership.ts',
        find: 'previousTerm: this.#log.termBefore(offsetFrom),\n      batches,\n      highWatermark: this.#log.highWatermark,',
        replace: 'previousTerm: this.#log.termBefore(offsetFrom),\n      batches,\n      highWatermark: this.#log.endOffset,',
      },
    ],
    expected: ['L9', 'L11', 'R5', 'R9', 'R10'],
    how: everything,
  },
  {
    id: 'acked-by-whoever-was-sent-it',
    title: 'an acknowledgement names those to whom the append was sent',
    edits: [
      {
        file: 'src/raft/leadership.ts',
        find: 'return (this.#progress.get(voter) as Progress).matchOffset;',
        replace: 'return (this.#progress.get(voter) as Progress).nextOffset;',
      },
    ],
    expected: ['P1', 'R9'],
    how: everything,
  },
  {
    id: 'all-is-quorum',
    title: 'level `all` is answered by a majority',
    edits: [
      leader(
        'acknowledgedBy(offset(one.offsetTo)).length === raft.membership.voters.length;',
        'acknowledgedBy(offset(one.offsetTo)).length * 2 > raft.membership.voters.length;',
      ),
    ],
    expected: ['P1'],
    how: everything,
  },
  {
    id: 'quorum-is-leader',
    title: 'level `quorum` is answered when the leader has synced',
    edits: [
      leader('return isCommitted && (!one.isDuplicate || this.#isOnMajority(one));', 'return one.offsetTo <= raft.syncedOffset;'),
      leader(
        'if (first.offsetTo > this.#replica.raft.highWatermark) break;',
        'if (first.offsetTo > this.#replica.raft.syncedOffset) break;',
      ),
      leader('committed: one.offsetTo <= raft.highWatermark,\n        duplicate:', 'committed: true,\n        duplicate:'),
    ],
    expected: ['P1', 'L1'],
    how: everything,
  },
  {
    id: 'revoke-ignored-by-readers',
    title: 'what is revoked is shown',
    edits: [edit('edge/reads.ts')('producers.hides(id, at, replica.raft.highWatermark);', 'producers.hides(id, at, 0) && at < 0;')],
    expected: ['D7'],
    how: everything,
  },
  {
    id: 'revoke-ignored-by-leader',
    title: 'a revoke is answered and not appended',
    edits: [
      leader(
        'return this.#wait({ ...common, offsetFrom: raft.endOffset - 1, offsetTo: raft.endOffset, term: tail.lastTerm, isDuplicate: true });\n    }',
        'return this.#wait({ ...common, offsetFrom: raft.endOffset - 1, offsetTo: raft.endOffset, term: tail.lastTerm, isDuplicate: true });\n    }\n    if (producerId >= 0)\n      return answer({ ok: true, value: { offset: 0, count: 1, term: raft.term, timestampMs: 0, committed: true, duplicate: true, ackedBy: [] } });',
      ),
    ],
    expected: ['D7'],
    how: everything,
  },
  {
    id: 'expected-offset-ignored',
    title: 'a compare-and-append does not compare',
    edits: [
      leader(
        'append.expectedOffset !== null && append.expectedOffset !== raft.endOffset',
        'append.expectedOffset !== null && append.expectedOffset > raft.endOffset',
      ),
    ],
    expected: ['L14'],
    how: everything,
  },
  {
    id: 'torn-batch',
    title: 'reading gives the rest of a batch without its first record',
    edits: [
      {
        file: 'src/record/record-batch.ts',
        find: '    for (let left = recordCount(batch); left > 0; left--) {\n      const length = reader.read(batch);\n      const recordTo',
        replace:
          '    for (let left = recordCount(batch) - (batches.length > 1 && recordCount(batch) > 1 ? 1 : 0); left > 0; left--) {\n      const length = reader.read(batch);\n      const recordTo',
      },
    ],
    expected: ['L15', 'L1'],
    how: { by: 'sim', faults: ['linkBreak', 'faultSwitch', 'crash', 'partition'] },
  },
  {
    id: 'packed-at-the-first-offset',
    title: 'appends that were packed together are all answered with the first offset',
    edits: [queue('next.recordFrom = records;', 'next.recordFrom = records * 0;')],
    expected: ['L1', 'L4', 'L5'],
    how: { by: 'sim', faults: ['linkBreak', 'faultSwitch', 'crash', 'partition'] },
  },
  {
    id: 'token-ignored',
    title: 'a session read does not wait for its token',
    edits: [
      edit('edge/reads.ts')(
        "reader.request.freshness === 'local' || reader.replica.visible >= reader.request.sessionOffset;",
        "reader.request.freshness === 'local' || reader.replica.visible >= 0;",
      ),
    ],
    expected: ['L12'],
    how: everything,
  },
  {
    id: 'end-before-catching-up',
    title: 'a follower answers a linearizable end before it has caught up',
    edits: [
      edit('edge/barriers.ts')(
        'if (waiter.forPeer || visible >= highWatermark) waiter.done(highWatermark);',
        'if (waiter.forPeer || visible >= 0) waiter.done(highWatermark);',
      ),
    ],
    expected: ['L11'],
    how: everything,
  },
  {
    id: 'group-of-a-message-ignored',
    title: 'votes of every group count for `log`',
    edits: [
      services(
        'if (message !== null) groups.replica(groupId(group))?.receive(message);',
        "if (message !== null) groups.replica(groupId(message.type === 'requestVoteResponse' ? 2 : group))?.receive(message);",
      ),
    ],
    expected: ['R21', 'R1', 'R7', 'V6'],
    how: everything,
  },
  {
    id: 'timer-of-another-group',
    title: 'the leader of one group keeps the followers of another from electing',
    edits: [
      services(
        'for (const replica of this.#options.groups.awake()) replica.tick(nowMs);',
        `const all = [...this.#options.groups.awake()];
    const isHeard = (replica: Replica): boolean => replica.raft.role !== 'leader' && replica.asOfMs(nowMs) < 500;
    for (const replica of all)
      if (replica.raft.role === 'leader' || isHeard(replica) || !all.some(isHeard)) replica.tick(nowMs);`,
      ),
    ],
    expected: ['R21', 'V6', 'V2'],
    how: everything,
  },
  {
    id: 'rolled-back-disk-accepted',
    title: 'a data directory that was rolled back or wiped takes part',
    edits: [
      lives(
        'const reason = this.#refusal(peer, life, earlier);',
        'const reason = life.incarnation < 0 ? this.#refusal(peer, life, earlier) : null;',
      ),
      edit('catalog/registration.ts')("if (result.value === 'done') {", "if (result.value !== 'invalid') {"),
      {
        file: 'src/raft/progress.ts',
        find: 'return response.readContext >= this.#fence.round && shown < this.#fence.matchOffset;',
        replace: 'return response.readContext >= this.#fence.round && shown < 0;',
      },
    ],
    expected: ['R15'],
    how: replacedDisks,
  },
  {
    id: 'forgets-peers-lives',
    title: 'what is known of peers is not read at a start',
    edits: [edit('opening.ts')('peers: peers.value,', 'peers: { ...peers.value, lives: new Map() },')],
    expected: ['R15'],
    how: replacedDisks,
  },
  {
    id: 'restarts-outgrow-a-rollback',
    title: 'a higher incarnation is enough to be taken for the broker that was known',
    edits: [
      lives('if (earlier === null || earlier.includes(known.nonce)) return null;', 'if (incarnation > known.incarnation) return null;'),
    ],
    expected: ['R15'],
    how: replacedDisks,
  },
  {
    id: 'peer-used-before-its-life-is-durable',
    title: 'a peer is dealt with while its life is on its way to the disk',
    edits: [
      lives(
        'this.#lives.set(peer, life);',
        "this.#lives.set(peer, life);\n    then({ kind: 'known' });\n    return this.#storeShown(peer, () => undefined);",
      ),
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/peers/peer-lives.test.ts',
      title: 'that comes for the first time is known once that is durable',
    },
  },
  {
    id: 'frames-of-a-leader-trusted',
    title: 'batches from a leader are taken without looking at their checksums',
    edits: [replica('if (problem === null) return true;', 'if (problem === null || problem.length > 0) return true;')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/replica/admitted-frames.test.ts',
      title: 'a batch whose bytes are not those of its checksum',
    },
  },
  {
    id: 'chain-not-compared',
    title: 'batches from a leader are taken although they continue another log',
    edits: [
      replica(
        'const previousChecksum = isContinued ? this.tail.checksumBefore(message.offsetFrom) : null;',
        'const previousChecksum = isContinued ? null : null;',
      ),
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/replica/admitted-frames.test.ts',
      title: 'is taken into the log only where it continues it',
    },
  },
  {
    id: 'failed-mark-ignored',
    title: 'a mark that fails is passed over',
    edits: [
      replica(
        "if (result.error.kind === 'disk') this.#context.diskFailed(result.error.error, 'mark its log');",
        "if (result.error.kind === 'disk') return;",
      ),
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/damaged-log.test.ts', title: 'stops the broker: what the disk holds is not known any more' },
  },
  {
    id: 'damaged-log-blocks-all',
    title: 'a broker waits for a damaged log before it serves anything',
    edits: [edit('broker.ts')('return this.#groups.fenced(logGroup) !== null || (', 'return (')],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/damaged-log.test.ts', title: 'is ready all the same' },
  },
  {
    id: 'framed-while-queued',
    title: 'a batch that still waits in a link to an earlier leader is framed in place',
    edits: [edit('edge/append-queue.ts')('    takeRoom(unit.batch);', '    if (unit.batch.length < 0) takeRoom(unit.batch);')],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/held-bytes.test.ts', title: 'a large batch that waits in a link to an earlier leader' },
  },
  {
    id: 'topics-by-local-limit',
    title: 'a broker compares the topics that the log makes with its own limit',
    edits: [
      edit('catalog/catalog-state.ts')(
        '(topicsMax ?? this.#oldTopicsMax)',
        'Math.min(topicsMax ?? this.#oldTopicsMax, this.#oldTopicsMax)',
      ),
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/same-state.test.ts', title: 'judges a command by the limit that it carries' },
  },
  {
    id: 'folder-not-checked',
    title: 'a folder is served whoever’s log it holds',
    edits: [
      edit('replica/groups.ts')(
        'if (identity !== null && owner !== null && identity.topic !== owner.topic) {',
        'if (identity !== null && owner !== null && owner.topic === -1) {',
      ),
      edit('replica/groups.ts')('if (identity.topic !== topic) this.#fenceFor(', 'if (topic === -1) this.#fenceFor('),
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/same-state.test.ts', title: 'is not served as this topic’s' },
  },
  {
    id: 'foreign-folder-removed',
    title: 'deleting a topic removes whatever lies in its group’s folder',
    edits: [
      edit('replica/groups.ts')(
        'if (identity !== null && identity.topic !== topic) return this.#kept(',
        'if (identity !== null && topic === -1) return this.#kept(',
      ),
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/same-state.test.ts', title: 'stays when this topic is deleted' },
  },
  {
    id: 'forwarded-batch-unseen',
    title: 'a leader takes the batch that a peer passes on without looking at it',
    edits: [edit('edge/peer-service.ts')('if (!valid.ok) {', 'if (!valid.ok && batch.length === 0) {')],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/forged-frames.test.ts', title: 'any number in any place' },
  },
  {
    id: 'forgets-by-its-own-tail',
    title: 'what is forgotten depends on what a replica holds beyond its commit offset',
    edits: [producers('this.#single.size <= requestIdsMax) break;', 'this.#single.size + this.#open.size <= requestIdsMax) break;')],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/replica/tail.test.ts', title: 'depends on the committed log alone' },
  },
  {
    id: 'session-pushed-out',
    title: 'a stream is pushed out by other request ids',
    edits: [producers('(isSession ? this.#sessions : this.#single).set(producerId, producer);', 'this.#single.set(producerId, producer);')],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/forgetting.test.ts', title: 'goes on after however many other ids' },
  },
  {
    id: 'session-at-its-second-batch',
    title: 'that a session says of itself that it is one is not heard',
    edits: [producers(' || batch.isOfSession === true)', ')')],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/forgetting.test.ts', title: 'that says that it goes on is kept from its first batch' },
  },
  {
    id: 'age-of-retry-ignored',
    title: 'a leader does not look at how old the first attempt of a retry is',
    edits: [leader('return triedForMs === null ? null : ages.before(nowMs, triedForMs);', 'return triedForMs === null ? null : nowMs;')],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/forgetting.test.ts', title: 'is not appended again by a retry that says how old it is' },
  },
  {
    id: 'hidden-until-forgotten',
    title: 'what a revoke hides is shown once the revoke is forgotten',
    edits: [producers('      this.#revoked.delete(id);', '      this.#revoked.delete(id);\n      this.#hidden.delete(id);')],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/replica/tail.test.ts', title: 'is forgotten by log time, and what it hides stays hidden' },
  },
  {
    id: 'broken-clock-followed',
    title: "a broker follows another's clock by up to a minute",
    edits: [clock('stamp.ms > this.#clock.wallMs() + stampAheadMsMax', 'stamp.ms > this.#clock.wallMs() + 60_000')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/peers/clocks-ahead.test.ts',
      title: 'is counted by whoever hears of it, and named once it stays so',
    },
  },
  {
    id: 'behind-of-agents-ignored',
    title: "an agent's wall clock is taken to be what its hybrid clock shows",
    edits: [
      {
        file: 'src/clocks/line-stamp.ts',
        find: 'wallMs: behindMs === behindMax ? null : ms - behindMs',
        replace: 'wallMs: behindMs === behindMax ? null : ms',
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/gateway/lines/session-stamps.test.ts',
      title: 'each wait is answered once, in order, and bounds the offset of the clock',
    },
  },
  {
    id: 'log-time-drives-the-clock',
    title: "a broker's clock follows the time of a log that it continues",
    edits: [clock('floor.ms <= wallMs + stampAheadMsMax && isStampBefore', 'isStampBefore')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/peers/clocks-ahead.test.ts',
      title: 'drives the time of the logs that it leads, and of no other after it',
    },
  },
  {
    id: 'frame-noted-late',
    title: 'a frame is noted after what follows from it',
    edits: [
      edit('peers/links.ts')(
        `        took(frame, link);
        events.frame(peer, frame, isInOrder);`,
        `        events.frame(peer, frame, isInOrder);
        took(frame, link);`,
      ),
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/sim/recording.test.ts',
      title: 'shows every append as what followed from its submit, and every commit from what a majority had stored',
    },
  },
  {
    id: 'connection-not-named',
    title: 'messages of two connections with the same number are paired',
    edits: [
      {
        file: 'src/clocks/trace-order.ts',
        find: '${from} ${to} ${link.connection} ${link.sequence}',
        replace: '${from} ${to} ${link.sequence}',
      },
    ],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/clocks/trace.test.ts',
      title: 'does not pair messages of two connections that have the same number',
    },
  },
  {
    id: 'quiet-leader-keeps-its-office',
    title: 'the leader of a quiet group goes on leading though nobody answers its pulses',
    edits: [quiet('pulses.unconfirmedTicks >= this.#electionTicks;', 'pulses.unconfirmedTicks < 0;')],
    expected: ['R17'],
    how: everything,
  },
  {
    id: 'joined-for-another-group',
    title: 'messages that travel in one frame are all taken for the first one’s group',
    edits: [
      {
        file: 'src/wire/raft-messages.ts',
        find: 'group: reader.u32(), body: reader.short() };',
        replace: 'group: messages[0]?.group ?? reader.u32(), body: (messages.length > 0 && reader.u32(), reader.short()) };',
      },
    ],
    expected: ['R25'],
    how: everything,
  },
  {
    id: 'answer-to-an-older-pulse',
    title: 'an answer to an older pulse counts for the newest one',
    edits: [quiet('this.#rounds.find((one) => one.round === round);', 'this.#rounds.at(-1);')],
    expected: ['R25'],
    how: everything,
  },
  {
    id: 'members-not-written',
    title: 'who a group’s members are is forgotten at a restart: all brokers',
    edits: [groups('const identity = read.value;', 'const identity = read.value === null ? null : { ...read.value, members: null };')],
    expected: ['R20'],
    how: { by: 'sim', brokers: 5 },
  },
  {
    id: 'everybody-keeps-it',
    title: 'a broker that a topic is not placed on takes part in it all the same',
    edits: [topicReplicas('return placed === null || placed.replicas.includes(this.#core.self);', 'return true;')],
    expected: ['R20', 'V5', 'V6'],
    how: { by: 'sim', brokers: 5 },
  },
  {
    id: 'elsewhere-goes-back',
    title: 'what is read through a broker without a replica may go back',
    edits: [elsewhere("if (freshness === 'linearizable' || shown === 0)", "if (freshness === 'linearizable' || shown >= 0)")],
    expected: ['L10'],
    how: { by: 'sim', brokers: 5 },
  },
  {
    id: 'never-home-again',
    title: 'a topic’s leadership does not return to its home',
    edits: [homecoming('if ((isKnown && this.#homeOf(group) !== to) || ', 'if (to !== null || ')],
    expected: ['V6'],
    how: everything,
  },
  {
    id: 'trace-ends-at-the-leader',
    title: 'followers are not told which batches are traced',
    edits: [edit('peers/links.ts')('this.#options.logSpans.isActive ? this.#traced(group, message, encoded) : encoded', 'encoded')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/spans.test.ts',
      title: 'leaves its way from the queue over the leader and the disks of all replicas',
    },
  },
  {
    id: 'traced-batch-is-never-over',
    title: 'a leader goes on following a traced batch that is stored, committed and answered',
    edits: [edit('log-spans.ts')('(isCommitted && isAnswered)', '(isCommitted && isAnswered && false)')],
    expected: [],
    how: {
      by: 'test',
      file: 'test/unit/broker/log-spans.test.ts',
      title: 'a batch of a leader is followed until it is',
    },
  },
  {
    id: 'retry-keeps-its-span',
    title: 'what a broker on the way is told of a trace is the caller’s span, not that of the attempt',
    edits: [
      queue(
        'this.#requests.send(leader, this.group, request, waitMs, answered, span?.context ?? null)',
        'this.#requests.send(leader, this.group, request, waitMs, answered, unit.trace)',
      ),
    ],
    expected: [],
    how: { by: 'test', file: 'test/unit/broker/spans.test.ts', title: 'names each broker that passes it on' },
  },
  {
    id: 'passed-on-to-anybody',
    title: 'a request for a topic elsewhere is passed on over the first link that stands',
    edits: [
      relays(
        'const broker = this.#brokers[next.to] as BrokerId;',
        'const broker = this.#brokers.find((each) => each !== this.#core.self && !hops.includes(each) && reaches(each)) as BrokerId;',
      ),
    ],
    expected: ['R24'],
    how: { by: 'sim', brokers: 5 },
  },
  {
    id: 'passed-back',
    title: 'a broker on the way forgets where a request has been',
    edits: [{ file: 'src/placement/routes.ts', find: 'isAlive(vertex) && !hops.includes(vertex);', replace: 'isAlive(vertex);' }],
    expected: ['R24'],
    how: { by: 'sim', brokers: 6, faults: ['bridge', 'oneWayPartition', 'linkBreak', 'crash'] },
  },
];
