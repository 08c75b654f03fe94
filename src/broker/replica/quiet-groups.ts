import type { BrokerId, GroupId } from '../../base/branded.ts';
import { isMember, isQuorum, type Membership, peersOf, quorumValue, type Role } from '../../raft/index.ts';
import { type Draft, encodePulse, encodePulseAnswer, type Pulse, type PulseAnswer, type QuietGroup } from '../../wire/index.ts';
import type { BrokerObserver } from '../contract.ts';
import type { BrokerSettings } from '../settings.ts';
import { topicGroupFirst } from '../well-known.ts';
import type { Groups } from './groups.ts';
import type { Replica } from './replica.ts';
import { RoundTimes } from './round-times.ts';

/** What quiet groups need of their broker. */
export interface QuietContext {
  readonly self: BrokerId;
  readonly peers: readonly BrokerId[];
  readonly settings: Pick<BrokerSettings, 'tickMs' | 'heartbeatMs' | 'electionTimeoutMs'>;
  readonly groups: Pick<Groups, 'replica' | 'awake' | 'rest' | 'wake'>;
  nowMs(): number;
  readonly observer: BrokerObserver | null;
  /** Ticks since the start. */
  tickCount(): number;
  isLinked(peer: BrokerId): boolean;
  /** False when there is no way to the peer now. */
  send(peer: BrokerId, message: Draft): boolean;
}

/** A pulse that not everybody has answered yet. */
interface Round {
  readonly round: number;
  readonly sentMs: number;
  /** For each peer: how many groups were quiet with it, and what it had answered, when it was sent. */
  readonly quietCounts: ReadonlyMap<BrokerId, number>;
  readonly answered: ReadonlyMap<BrokerId, number>;
}

/** Ticks of silence, and whose it was. */
interface Uncounted {
  readonly ticks: number;
  readonly role: Role;
  readonly leader: BrokerId | null;
  readonly term: number;
}

/** Who answers a pulse after more of them than these tells nothing of how current anything is. */
const roundsMax = 64;

/** What this broker knows of one peer's part in quiet groups. */
class PeerPulses {
  /** Ticks without a word from it. */
  silentTicks = 0;
  /** Ticks in which groups were quiet under this broker and it has confirmed none of its pulses. */
  unconfirmedTicks = 0;
  /** It was left out of the quorums of quiet groups since. */
  isGivenUp = false;

  // Of pulses to it.

  /** Groups that are quiet under this broker and have the peer as a member: where there are none it is sent no pulses. */
  ledCount = 0;
  /** The newest that it has answered, and the newest that it has answered as somebody who knows of the same groups. */
  answered = 0;
  confirmed = 0;
  confirmedSentMs = Number.NEGATIVE_INFINITY;
  /** What it had answered when the newest round was sent that everybody has confirmed. */
  asOfRound = 0;

  // Of its pulses.

  /** Null while none has come over the present way. */
  heardRound: number | null = null;
  /** Groups that it says are quiet under it, and since which of its rounds. */
  readonly claimed = new Map<GroupId, number>();
  /** Of those, the ones that are awake here. */
  readonly awake = new Set<GroupId>();
  answeredAt = new RoundTimes();
  heardAsOfRound = 0;

  forgetPulses(): void {
    this.answered = 0;
    this.confirmed = 0;
    this.confirmedSentMs = Number.NEGATIVE_INFINITY;
    this.asOfRound = 0;
    this.heardRound = null;
    this.forgetClaims();
  }

  forgetClaims(): void {
    this.claimed.clear();
    this.awake.clear();
    this.answeredAt = new RoundTimes();
    this.heardAsOfRound = 0;
  }
}

/**
 * Groups in which nothing happens (docs/decisions/0022). Their clocks stand still on all replicas, so that they cost no tick and no message; the consensus core
 * knows nothing of it, for its safety needs no clock. A leader that has nothing to tell says so in its broker's next pulse, one frame for all groups; a
 * follower that has the same log stops counting too, and from then on takes the pulses of that broker for its leader's heartbeats. Whatever happens to a
 * replica wakes it, and its leader's broker hears of it.
 */
export class QuietGroups {
  readonly #context: QuietContext;
  readonly #heartbeatTicks: number;
  readonly #electionTicks: number;
  readonly #peers: ReadonlyMap<BrokerId, PeerPulses>;
  #round = 0;
  #rounds: Round[] = [];
  /** Quiet groups that this broker leads, and since which round everybody is told so. */
  readonly #led = new Map<GroupId, number>();
  /** What replicas did not count while they were quiet, and have still to. */
  readonly #uncounted = new Map<Replica, Uncounted>();
  /** What the next pulse brings, to the members of each. */
  readonly #resting = new Map<GroupId, { readonly quiet: QuietGroup; readonly peers: readonly BrokerId[] }>();
  readonly #woken = new Map<GroupId, readonly BrokerId[]>();

  constructor(context: QuietContext) {
    this.#context = context;
    const { tickMs, heartbeatMs, electionTimeoutMs } = context.settings;
    this.#heartbeatTicks = Math.max(1, Math.round(heartbeatMs / tickMs));
    this.#electionTicks = Math.max(2, Math.round(electionTimeoutMs / tickMs));
    this.#peers = new Map(context.peers.map((peer) => [peer, new PeerPulses()]));
  }

  /** A frame of this peer has come. */
  heard(peer: BrokerId): void {
    const pulses = this.#peers.get(peer);
    if (pulses !== undefined) pulses.silentTicks = 0;
  }

  /** A tick of a rest is over: it counts, and nothing else. */
  pass(): void {
    for (const pulses of this.#peers.values()) {
      pulses.silentTicks++;
      pulses.unconfirmedTicks = pulses.ledCount === 0 ? 0 : pulses.unconfirmedTicks + 1;
    }
  }

  tick(nowMs: number): void {
    this.pass();
    for (const [peer, pulses] of this.#peers) if (pulses.silentTicks >= this.#electionTicks) this.#silent(peer, pulses);
    this.#countUp(nowMs);
    this.#checkQuorum();
    for (const replica of this.#context.groups.awake()) if (this.#mayRest(replica, nowMs)) this.#rest(replica);
    if (this.#context.tickCount() % this.#heartbeatTicks === 0) this.#pulse(nowMs);
  }

  // ------------------------------------------------------------------------------------------------------------- going quiet

  /** A peer that nobody can reach is not waited for, if the others are enough: its link wakes the group when it is back. */
  #mayRest(replica: Replica, nowMs: number): boolean {
    const { group, raft } = replica;
    if (raft.role !== 'leader' || group < topicGroupFirst || !replica.isIdle(nowMs)) return false;
    const { self } = this.#context;
    const settled = raft.settledPeers;
    const isSettled = (member: BrokerId): boolean => member === self || settled.includes(member);
    const lags = (peer: BrokerId): boolean => !isSettled(peer) && this.#context.isLinked(peer);
    return !this.#peersOf(raft.membership).some(lags) && isQuorum(raft.membership, isSettled);
  }

  #rest(replica: Replica): void {
    const { group, raft } = replica;
    this.#context.groups.rest(replica);
    const quiet = { group, term: raft.term, endOffset: raft.endOffset };
    this.#resting.set(group, { quiet, peers: this.#peersOf(raft.membership) });
  }

  #peersOf(membership: Membership): readonly BrokerId[] {
    return peersOf(membership, this.#context.self);
  }

  #countLed(peers: readonly BrokerId[], by: 1 | -1): void {
    for (const peer of peers) {
      const pulses = this.#peers.get(peer);
      if (pulses !== undefined) pulses.ledCount += by;
    }
  }

  // ----------------------------------------------------------------------------------------------------------------- waking

  /** Something happens to a quiet replica, or it is no more. */
  wake(replica: Replica): void {
    const { group } = replica;
    const uncounted = this.#uncountedTicks(replica);
    replica.noteCurrent(this.currentMs(replica));
    this.#context.groups.wake(replica);
    replica.woken();
    if (this.#led.delete(group)) {
      const peers = this.#peersOf(replica.raft.membership);
      this.#countLed(peers, -1);
      this.#woken.set(group, peers);
    }
    this.#resting.delete(group);
    for (const pulses of this.#peers.values()) if (pulses.claimed.has(group)) pulses.awake.add(group);
    const { role, leader, term } = replica.raft;
    if (uncounted > 0) this.#uncounted.set(replica, { ticks: uncounted, role, leader, term });
  }

  /** With the next tick, because whatever woke it may be in the middle of something that a change of its role would spoil. */
  #countUp(nowMs: number): void {
    for (const [replica, uncounted] of this.#uncounted) {
      if (this.#isOver(replica, uncounted)) continue;
      for (let i = 0; i < uncounted.ticks && this.#context.groups.replica(replica.group) === replica; i++) replica.passTick(nowMs);
    }
    this.#uncounted.clear();
  }

  /** Somebody else was elected since it woke, or its leader was heard: then that silence is no reason to elect, nor to help others to. */
  #isOver({ raft }: Replica, { ticks, role, leader, term }: Uncounted): boolean {
    if (raft.term !== term || raft.role !== role || raft.leader !== leader) return true;
    return role === 'follower' && leader !== null && (this.#peers.get(leader)?.silentTicks ?? 0) < ticks;
  }

  /** Ticks since a leader's quorum has confirmed it, or since a follower's leader was heard: its clock goes on as if it had counted them. */
  #uncountedTicks({ raft: { role, leader, membership } }: Replica): number {
    const ticksOf = (voter: BrokerId): number => (voter === this.#context.self ? 0 : (this.#peers.get(voter)?.unconfirmedTicks ?? 0));
    const silentTicks = leader === null ? 0 : (this.#peers.get(leader)?.silentTicks ?? 0);
    const ticks = role === 'leader' ? -quorumValue(membership, (voter) => -ticksOf(voter)) : silentTicks;
    return Math.min(ticks, this.#electionTicks);
  }

  /** The leader's broker may be dead: the clocks of its groups go on. */
  #silent(peer: BrokerId, { claimed, awake }: PeerPulses): void {
    if (awake.size === claimed.size) return;
    for (const group of claimed.keys()) {
      const replica = this.#context.groups.replica(group);
      if (replica?.isQuiet === true && replica.raft.leader === peer) this.wake(replica);
    }
  }

  /** A leader steps down that no quorum has confirmed for an election timeout (CheckQuorum, thesis §6.2). */
  #checkQuorum(): void {
    let isFewer = false;
    for (const pulses of this.#peers.values()) {
      const isGivenUp = pulses.unconfirmedTicks >= this.#electionTicks;
      if (isGivenUp && !pulses.isGivenUp) isFewer = true;
      pulses.isGivenUp = isGivenUp;
    }
    if (!isFewer) return;
    const confirms = (voter: BrokerId): boolean => voter === this.#context.self || this.#peers.get(voter)?.isGivenUp === false;
    for (const group of this.#led.keys()) {
      const replica = this.#context.groups.replica(group);
      if (replica !== undefined && !isQuorum(replica.raft.membership, confirms)) replica.step({ type: 'stepDown' });
    }
  }

  /** What was said over the link to or from this peer may be lost. Every replica has been told so, and is awake. */
  lost(peer: BrokerId): void {
    this.#peers.get(peer)?.forgetPulses();
  }

  #wakeAll(groups: Iterable<GroupId>): void {
    for (const group of groups) {
      const replica = this.#context.groups.replica(group);
      if (replica?.isQuiet === true) this.wake(replica);
    }
  }

  // ----------------------------------------------------------------------------------------------------------------- pulses

  #pulse(nowMs: number): void {
    const changes = this.#resting.size + this.#woken.size;
    if (this.#led.size + changes === 0) return;
    const round = ++this.#round;
    const woken = [...this.#woken];
    const resting = [...this.#resting.values()];
    this.#woken.clear();
    this.#resting.clear();
    for (const { quiet, peers } of resting) {
      this.#led.set(quiet.group, round);
      this.#countLed(peers, 1);
    }
    this.#context.observer?.pulsed(round, this.#led.keys());
    if (this.#rounds.length === roundsMax) this.#rounds.shift();
    const quietCounts = new Map([...this.#peers].map(([peer, pulses]) => [peer, pulses.ledCount]));
    const answered = new Map([...this.#peers].map(([peer, pulses]) => [peer, pulses.answered]));
    this.#rounds.push({ round, sentMs: nowMs, quietCounts, answered });
    for (const [peer, { asOfRound, ledCount: quietCount }] of this.#peers) {
      const quiet = resting.filter(({ peers }) => peers.includes(peer)).map((one) => one.quiet);
      const wokenHere = woken.filter(([, peers]) => peers.includes(peer)).map(([group]) => group);
      if (quietCount + wokenHere.length > 0 && this.#context.isLinked(peer))
        this.#context.send(peer, encodePulse({ round, asOfRound, quietCount, woken: wokenHere, quiet }));
    }
  }

  receive(peer: BrokerId, message: Pulse | PulseAnswer): void {
    const pulses = this.#peers.get(peer);
    if (pulses === undefined) return;
    if (message.type === 'pulse') this.#follow(peer, pulses, message);
    else this.#answered(peer, pulses, message);
  }

  #follow(peer: BrokerId, pulses: PeerPulses, pulse: Pulse): void {
    const { claimed, awake } = pulses;
    const isNext = pulses.heardRound === null || pulse.round === pulses.heardRound + 1;
    if (!isNext) this.#unclaim(pulses);
    pulses.heardRound = pulse.round;
    for (const group of pulse.woken) {
      claimed.delete(group);
      const replica = this.#context.groups.replica(group);
      if (replica?.isQuiet === true && replica.raft.leader === peer) this.wake(replica);
      awake.delete(group);
    }
    for (const quiet of pulse.quiet) {
      const { group } = quiet;
      const replica = this.#context.groups.replica(group);
      claimed.set(group, pulse.round);
      if (replica?.mayRestUnder(peer, quiet) === true) this.#context.groups.rest(replica);
      else awake.add(group);
    }
    // Something did not arrive, or arrived twice: it is not known what the sender takes for quiet.
    if (claimed.size !== pulse.quietCount) this.#unclaim(pulses);
    pulses.heardAsOfRound = Math.max(pulses.heardAsOfRound, pulse.asOfRound);
    pulses.answeredAt.note(0, pulse.round, this.#context.nowMs());
    this.#context.observer?.rests(
      peer,
      pulse.round,
      [...claimed.keys()].filter((group) => !awake.has(group)),
    );
    this.#context.send(peer, encodePulseAnswer({ round: pulse.round, quietCount: claimed.size, awake: [...awake] }));
  }

  #unclaim(pulses: PeerPulses): void {
    this.#wakeAll(pulses.claimed.keys());
    pulses.forgetClaims();
  }

  #answered(peer: BrokerId, pulses: PeerPulses, { round, quietCount, awake }: PulseAnswer): void {
    if (round <= pulses.answered || round > this.#round) return;
    pulses.answered = round;
    const sent = this.#rounds.find((one) => one.round === round);
    if (sent === undefined) return;
    if (sent.quietCounts.get(peer) !== quietCount) return this.#wakeAll(this.#ledWith(peer));
    this.#wakeAll(awake.filter((group) => this.#led.has(group)));
    pulses.confirmed = round;
    pulses.confirmedSentMs = sent.sentMs;
    pulses.unconfirmedTicks = 0;
    this.#context.observer?.confirmed(peer, sent.round, this.#ledWith(peer));
    this.#noteConfirmed();
  }

  #ledWith(peer: BrokerId): GroupId[] {
    return [...this.#led.keys()].filter((group) => {
      const membership = this.#context.groups.replica(group)?.raft.membership;
      return membership !== undefined && isMember(membership, peer);
    });
  }

  /** What everybody who can be reached has confirmed tells each of them how old its own knowledge is. */
  #noteConfirmed(): void {
    let confirmed = this.#round;
    for (const [peer, pulses] of this.#peers)
      if (pulses.ledCount > 0 && this.#context.isLinked(peer)) confirmed = Math.min(confirmed, pulses.confirmed);
    const newest = this.#rounds.findLast(({ round }) => round <= confirmed);
    if (newest === undefined) return;
    for (const [peer, pulses] of this.#peers) pulses.asOfRound = newest.answered.get(peer) ?? 0;
    // Those that peers have still to answer, and the newest that all have.
    this.#rounds = this.#rounds.filter(({ round }) => round >= newest.round);
  }

  // ------------------------------------------------------------------------------------------------------------- how current

  /**
   * All that anybody had committed at this moment is in a quiet replica; null where pulses say nothing of it. Whoever confirms a round had not left the leader
   * then; so a quorum that has confirmed rounds sent at or after a moment shows that nobody else had been elected by then. A follower counts from an answer of
   * its own that came before such a round.
   */
  currentMs({ group, raft, isQuiet }: Replica): number | null {
    if (!isQuiet || raft.leader === null) return null;
    if (raft.leader !== this.#context.self) {
      const pulses = this.#peers.get(raft.leader);
      const since = pulses?.claimed.get(group);
      if (pulses === undefined || since === undefined || pulses.heardAsOfRound < since) return null;
      return pulses.answeredAt.timeOf(0, pulses.heardAsOfRound);
    }
    const since = this.#led.get(group);
    if (since === undefined) return null;
    const confirmedMs = quorumValue(raft.membership, (voter) => {
      if (voter === this.#context.self) return this.#context.nowMs();
      const pulses = this.#peers.get(voter);
      return pulses === undefined || pulses.confirmed < since ? Number.NEGATIVE_INFINITY : pulses.confirmedSentMs;
    });
    return Number.isFinite(confirmedMs) ? confirmedMs : null;
  }
}
