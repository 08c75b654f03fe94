// R22 flow control
import type { BrokerId, GroupId } from '../../base/branded.ts';
import type { ReplicaView } from '../../broker/index.ts';
import type { Message, Persist } from '../../raft/index.ts';
import { batchOf, isControl } from '../../record/index.ts';
import { endOf, type GroupLedger, type ReplicaTrack } from './replica-ledger.ts';
import { Findings } from './verdict.ts';

/** What a leader has sent to one peer in one term and was not told to have arrived. */
interface Flight {
  readonly term: number;
  offsetTo: number;
  bytes: number;
  messages: { readonly offsetTo: number; readonly bytes: number }[];
}

interface Limits {
  readonly uncommittedBytesMax: number;
  readonly uncommittedBytesPerBrokerMax: number;
  readonly inFlightBytesMax: number;
}

/**
 * What a leader has taken and nobody has committed is bounded, so a log does not grow without end behind a partition; and so is what is on its way to a peer
 * that does not answer. Neither limit cuts a batch or a message in two: what comes when it is not reached yet may pass it, what comes later may not.
 */
export class FlowControl {
  readonly findings = new Findings('R22');
  readonly #limitsOf: (broker: BrokerId) => Limits;
  /** By group, leader and peer. */
  readonly #flights = new Map<string, Flight>();

  constructor(limitsOf: (broker: BrokerId) => Limits) {
    this.#limitsOf = limitsOf;
  }

  /** A leader hands these batches over to be written; those of clients among them it has just taken. */
  taken(ledger: GroupLedger, track: ReplicaTrack, replica: ReplicaView, { batches }: Persist): void {
    if (replica.role !== 'leader') return;
    const last = batches.findLast(({ term, bytes }) => term === replica.term && !isControl(batchOf(bytes)));
    if (last === undefined) return;
    this.findings.checked++;
    // What anybody knows: a leader that has just been elected does not know yet what is committed.
    const committed = Math.max(endOf(ledger.committed), replica.highWatermark);
    let bytes = 0;
    for (let i = track.log.length - 1; i >= 0; i--) {
      const batch = track.log[i];
      if (batch === undefined || batch.offsetTo <= committed) break;
      // What it has found in its log at its start was bounded when that was taken, and is committed with the first batch of its term.
      if (batch.offsetTo <= last.offsetFrom && batch.term === replica.term) bytes += batch.bytes;
    }
    const { uncommittedBytesMax, uncommittedBytesPerBrokerMax } = this.#limitsOf(track.broker);
    // Of what all groups of a broker share one may have as much as is left, so alone half.
    const allowed = Math.min(uncommittedBytesMax, Math.ceil(uncommittedBytesPerBrokerMax / 2));
    if (bytes >= allowed) {
      this.findings.violate(
        `group ${track.group}: leader ${track.broker} took a batch while ${bytes} bytes were not committed; ${allowed} are allowed`,
      );
    }
  }

  sent(group: GroupId, broker: BrokerId, message: Message): void {
    if (message.type !== 'appendEntries') return;
    const { to, term, offsetFrom, batches } = message;
    const key = `${group}/${broker}/${to}`;
    let flight = this.#flights.get(key);
    // Whoever goes back asks anew where the logs meet: what was on its way before is given up.
    if (flight === undefined || flight.term !== term || (batches.length > 0 && offsetFrom < flight.offsetTo)) {
      flight = { term, offsetTo: offsetFrom, bytes: 0, messages: [] };
      this.#flights.set(key, flight);
    }
    if (batches.length === 0) return;
    this.findings.checked++;
    const { inFlightBytesMax } = this.#limitsOf(broker);
    if (flight.bytes >= inFlightBytesMax) {
      this.findings.violate(
        `group ${group}: leader ${broker} sent more to broker ${to} while ${flight.bytes} bytes were on their way; ${inFlightBytesMax} are allowed`,
      );
    }
    const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    flight.offsetTo = batches.at(-1)?.offsetTo ?? offsetFrom;
    flight.bytes += bytes;
    flight.messages.push({ offsetTo: flight.offsetTo, bytes });
  }

  received(group: GroupId, broker: BrokerId, message: Message): void {
    if (message.type !== 'appendEntriesResponse' || !message.success) return;
    const flight = this.#flights.get(`${group}/${broker}/${message.from}`);
    if (flight === undefined || flight.term !== message.term) return;
    const left = flight.messages.findIndex(({ offsetTo }) => offsetTo > message.matchOffset);
    for (const { bytes } of flight.messages.splice(0, left === -1 ? flight.messages.length : left)) flight.bytes -= bytes;
  }

  restarted(group: GroupId, broker: BrokerId): void {
    for (const key of this.#flights.keys()) if (key.startsWith(`${group}/${broker}/`)) this.#flights.delete(key);
  }
}
