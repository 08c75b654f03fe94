import type { GroupId } from '../base/branded.ts';
import type { Clock, DiskError } from '../host/index.ts';
import type { Persist, Vote } from '../raft/index.ts';
import type { OpenFailure, VoteJournal } from '../storage/index.ts';
import type { Counters } from './counters.ts';
import type { Replica } from './replica/index.ts';

/** What a turn does, in this order, until nothing is left; none of it waits. */
export interface TurnSteps {
  /** Steps that take up what clients and peers asked. True when something was done. */
  work(): boolean;
  /** False once its topic is deleted or its log is fenced: what it still owes is moot. */
  holds(replica: Replica): boolean;
  /** Sends what the turn has queued. True when something is left for the next turn. */
  flush(): boolean;
  /** Answers what the turn has decided, after everything else. */
  answer(): void;
  fatal(error: DiskError, doing: string): void;
  /** A log could not be cut, because what is there cannot be read or is damaged: its group takes no part any more. */
  fence(replica: Replica, failure: OpenFailure): void;
}

interface WaitingVote {
  readonly group: GroupId;
  readonly vote: Vote;
  readonly synced: () => void;
}

/** More rounds than any chain of causes within one turn has; the rest waits for the next turn. */
const roundsMax = 16;

/**
 * The broker's loop (design, D4): inputs queue up, a turn that never waits takes them all, and one turn at most is scheduled. Writes report to a
 * later turn. The votes of all groups go to the journal in one write a turn; a persist with a vote writes its batches after the vote is synced, so that
 * no log on disk is ever ahead of its term.
 */
export class Loop {
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #steps: TurnSteps;
  #journal: VoteJournal | null = null;
  #votes: WaitingVote[] = [];
  #isJournalBusy = false;
  #isScheduled = false;
  #isInTurn = false;
  /** While stopped no turn runs: a crashed broker, or one whose disk failed. */
  #isStopped = true;
  #isClosed = false;
  /** Replicas that something has happened to since they last had their turn: a turn costs what they do, however many others there are. */
  #touched = new Set<Replica>();
  /** Writes to logs that this turn owes: begun when what may leave has left, because others' disks are further away than ours. */
  #writes: (() => void)[] = [];

  constructor(clock: Clock, counters: Counters, steps: TurnSteps) {
    this.#clock = clock;
    this.#counters = counters;
    this.#steps = steps;
  }

  useJournal(journal: VoteJournal): void {
    this.#journal = journal;
  }

  /** Since when the journal's write is under way and others wait. */
  get isBusy(): boolean {
    return this.#isJournalBusy;
  }

  start(): void {
    this.#isStopped = false;
    this.wake();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Stops for good. What waits for the journal is given up, as a crash would: its log is about to be closed, and nobody was told of it. */
  close(): void {
    this.#isStopped = true;
    this.#isClosed = true;
  }

  /** Something happened to a replica: it has its part of the next turn. */
  touched(replica: Replica): void {
    this.#touched.add(replica);
    this.wake();
  }

  /** Schedules a turn unless one is. */
  wake(): void {
    if (this.#isScheduled || this.#isInTurn || this.#isStopped) return;
    this.#isScheduled = true;
    this.#clock.defer(() => {
      this.#isScheduled = false;
      if (!this.#isStopped) this.#turn();
    });
  }

  #turn(): void {
    this.#isInTurn = true;
    let isDone = false;
    for (let round = 0; round < roundsMax && !isDone && !this.#isStopped; round++) {
      isDone = !this.#turnReplicas();
      if (this.#steps.work()) isDone = false;
    }
    let isLeft = false;
    if (!this.#isStopped) {
      this.#writeVotes();
      isLeft = this.#steps.flush();
    }
    this.#isInTurn = false;
    const writes = this.#writes;
    if (writes.length > 0) {
      this.#writes = [];
      for (const write of writes) write();
    }
    if (!isDone || isLeft) this.wake();
    if (!this.#isStopped) this.#steps.answer();
  }

  /** True when one of them owed something. */
  #turnReplicas(): boolean {
    let isBusy = false;
    const touched = this.#touched;
    this.#touched = new Set();
    for (const replica of touched) if (this.#steps.holds(replica) && replica.turn()) isBusy = true;
    return isBusy;
  }

  persist(replica: Replica, persist: Persist, done: () => void): void {
    const writeLog = (): void => this.#writeLog(replica, persist, done);
    if (persist.vote === null) {
      // What a cut log is to hold must be known to readers of this very turn.
      if (this.#isInTurn && persist.truncateTo === null) this.#writes.push(writeLog);
      else writeLog();
      return;
    }
    this.#votes.push({ group: replica.group, vote: persist.vote, synced: writeLog });
  }

  #writeLog(replica: Replica, persist: Persist, done: () => void): void {
    if (this.#isClosed || !this.#steps.holds(replica)) return;
    if (persist.batches.length === 0 && persist.truncateTo === null) return done();
    this.#counters.diskWrites++;
    replica.log.write({ truncateTo: persist.truncateTo, batches: persist.batches }, (result) => {
      // A log that is closed, with its topic or with the broker, while a write waits for space gives that up: nothing was promised of it.
      if (result.ok) return done();
      const { error } = result;
      if (error.kind !== 'disk') return this.#steps.fence(replica, error);
      const isGivenUp = error.error.code === 'noSpace' && (this.#isClosed || !this.#steps.holds(replica));
      if (!isGivenUp) this.#steps.fatal(error.error, 'write its log');
    });
    // What was just handed over can be read from now on.
    replica.written();
  }

  #writeVotes(): void {
    if (this.#votes.length === 0 || this.#isJournalBusy || this.#journal === null) return;
    const votes = this.#votes;
    this.#votes = [];
    this.#isJournalBusy = true;
    this.#counters.diskWrites++;
    this.#journal.write(votes, (result) => {
      this.#isJournalBusy = false;
      if (!result.ok) return this.#steps.fatal(result.error, 'write its votes');
      if (this.#isClosed) return;
      for (const { synced } of votes) synced();
      this.wake();
    });
  }
}
