import type { BrokerId } from '../../base/branded.ts';
import { type Life, noDisk, type ShownLife } from '../../base/life.ts';
import type { Result } from '../../base/result.ts';
import { type KnownPeers, type OpenFailure, type StorageHost, writePeers } from '../../storage/index.ts';

/** What the catalog says about a broker's last life. */
export type RegisteredLife = Pick<Life, 'incarnation' | 'nonce'>;

export type Meeting =
  /** It is the life that was known, or it is known now: durably. */
  | { readonly kind: 'known' }
  /** It cannot follow the life that is remembered: not the disk that it was. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It could not be written down, so it must not be dealt with yet. */
  | { readonly kind: 'notStored'; readonly reason: string };

export interface PeerLivesOptions {
  readonly host: StorageHost;
  readonly own: Life;
  /** As the data directory has them. */
  readonly known: KnownPeers;
  registered(peer: BrokerId): RegisteredLife | null;
  /** A failed write or sync, except for want of space: this process must end (design, D5). */
  failed(failure: OpenFailure): void;
}

/** More lives in a row that were shown to a peer and never confirmed by it are not kept; the handshake has so many at most. */
const shownMax = 100;

/**
 * What this broker and its peers remember of one another's lives (docs/decisions/0009). Nobody is dealt with before the life that it comes in is compared
 * with the one that was here before, and is durable here. And this broker shows itself to nobody before it has written down that it does, so that it can
 * always name the life that a peer remembers; one whose disk was put back cannot. One write at a time; what comes meanwhile shares the next.
 */
export class PeerLives {
  readonly #options: PeerLivesOptions;
  #durable: KnownPeers;
  /** What was heard and shown last, durable or on its way there. */
  readonly #lives: Map<number, Life>;
  readonly #shown: Map<number, readonly string[]>;
  #waiting: ((result: Result<undefined, OpenFailure>) => void)[] = [];
  #isWriting = false;
  #onIdle: (() => void) | null = null;

  constructor(options: PeerLivesOptions) {
    this.#options = options;
    this.#durable = options.known;
    this.#lives = new Map(options.known.lives);
    this.#shown = new Map(options.known.shown);
  }

  /** This life as it is shown to a peer. */
  shownTo(peer: BrokerId): ShownLife {
    const { own } = this.#options;
    return { ...own, earlier: (this.#shown.get(peer) ?? []).filter((nonce) => nonce !== own.nonce) };
  }

  /** Before this broker gives a peer what it may remember it by. `then` is called at once when nothing has to be written. */
  show(peer: BrokerId, then: (meeting: Meeting) => void): void {
    if (this.#durable.shown.get(peer)?.includes(this.#options.own.nonce) === true) return then({ kind: 'known' });
    this.#storeShown(peer, then);
  }

  /** A peer that has proven itself comes in this life; includes `show`. */
  meet(peer: BrokerId, { disk, incarnation, nonce, earlier }: ShownLife, then: (meeting: Meeting) => void): void {
    const life = { disk, incarnation, nonce };
    const reason = this.#refusal(peer, life, earlier);
    if (reason !== null) return then({ kind: 'refused', reason });
    if (isSame(this.#durable.lives.get(peer), life)) return this.show(peer, then);
    this.#lives.set(peer, life);
    this.#storeShown(peer, then);
  }

  /** The peer has written down this life: earlier ones need not be named to it any more. */
  confirmed(peer: BrokerId): void {
    if (this.shownTo(peer).earlier.length === 0) return;
    this.#shown.set(peer, [this.#options.own.nonce]);
    this.#store(() => undefined);
  }

  /** Waits for the write that is under way. */
  close(done: () => void): void {
    if (this.#isWriting) this.#onIdle = done;
    else done();
  }

  #refusal(peer: BrokerId, life: Life, earlier: readonly string[]): string | null {
    const known = this.#lives.get(peer);
    if (known !== undefined && known.disk !== life.disk)
      return `broker ${peer} was here with ${nameOf(known.disk)} and comes with ${nameOf(life.disk)}, so it has lost its data or has another's`;
    return misfit(peer, known, life, earlier) ?? misfit(peer, this.#options.registered(peer), life, null);
  }

  #storeShown(peer: BrokerId, then: (meeting: Meeting) => void): void {
    const { nonce } = this.#options.own;
    const shown = this.#shown.get(peer) ?? [];
    if (!shown.includes(nonce)) this.#shown.set(peer, [...shown, nonce].slice(-shownMax));
    this.#store((result) => then(outcomeOf(result)));
  }

  #store(tell: (result: Result<undefined, OpenFailure>) => void): void {
    this.#waiting.push(tell);
    if (!this.#isWriting) this.#write();
  }

  #write(): void {
    const waiting = this.#waiting;
    const peers = { lives: new Map(this.#lives), shown: new Map(this.#shown) };
    this.#waiting = [];
    this.#isWriting = true;
    writePeers(this.#options.host, peers, (result) => {
      if (result.ok) this.#durable = peers;
      else if (result.error.kind !== 'disk' || result.error.error.code !== 'noSpace') return this.#options.failed(result.error);
      for (const tell of waiting) tell(result);
      this.#isWriting = false;
      if (this.#onIdle !== null) this.#onIdle();
      else if (this.#waiting.length > 0) this.#write();
    });
  }
}

/** `earlier` are the lives that the peer itself still knows of, null where that cannot be asked for. */
function misfit(
  peer: BrokerId,
  known: RegisteredLife | null | undefined,
  { disk, incarnation, nonce }: Life,
  earlier: readonly string[] | null,
): string | null {
  if (known === null || known === undefined || known.nonce === nonce) return null;
  const was = `broker ${peer} was here as incarnation ${known.incarnation} and comes as incarnation ${incarnation}`;
  if (incarnation < known.incarnation) return `${was}, so its data was put back to an earlier time`;
  // Where nothing survives there is nothing to know, and incarnations are read from a clock: two starts may have the same.
  if (disk === noDisk) return null;
  if (incarnation === known.incarnation) return `${was} in another life, so its data was copied or put back to an earlier time`;
  if (earlier === null || earlier.includes(known.nonce)) return null;
  return `${was} without knowing of that, so its data was copied or put back to an earlier time`;
}

function outcomeOf(result: Result<undefined, OpenFailure>): Meeting {
  if (result.ok) return { kind: 'known' };
  const reason = result.error.kind === 'disk' ? result.error.error.reason : 'it is damaged';
  return { kind: 'notStored', reason: `what brokers know of one another cannot be written down: ${reason}` };
}

const isSame = (known: Life | undefined, life: Life): boolean =>
  known !== undefined && known.disk === life.disk && known.incarnation === life.incarnation && known.nonce === life.nonce;

/** Enough of it to find it in an identity file. */
const nameOf = (disk: string): string => (disk === noDisk ? 'no disk' : `disk ${disk.slice(0, 8)}`);
