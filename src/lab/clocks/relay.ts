import type net from 'node:net';
import { formatMessage, MessageReader } from '../../clocks/index.ts';
import type { PartReport, Role } from './channel.ts';
import { runTicks, stepSeconds, type TicksMade, type TrialTime } from './ticks.ts';

interface Passing {
  readonly to: number;
  readonly line: string;
}

/** What stands in the middle where machines have no sockets to one another: each line goes to the machine that it names, at once or one at each tick. */
export class Relay {
  readonly #role: Role;
  readonly #ended: () => void;
  readonly #machines: (net.Socket | null)[];
  readonly #incoming = new Set<net.Socket>();
  readonly #waiting: Passing[] = [];
  #made: TicksMade = { late: 0, latestMs: 0 };
  #isStopping = false;
  #writes = 0;
  #badMessages = 0;

  constructor(role: Role, ended: () => void) {
    this.#role = role;
    this.#ended = ended;
    this.#machines = role.rates.map(() => null);
  }

  get isComplete(): boolean {
    return this.#machines.every((socket) => socket !== null);
  }

  take(socket: net.Socket, index: number, rest: Buffer): void {
    this.#machines[index] = socket;
    this.#incoming.add(socket);
    const reader = new MessageReader(this.#role.rates.length);
    const read = (chunk: Buffer): void =>
      reader.push(chunk, (message) => {
        if (!message.ok || message.value.from !== index) this.#badMessages++;
        else this.#pass({ to: message.value.to, line: formatMessage(message.value) });
      });
    const over = (): void => {
      if (!this.#incoming.delete(socket)) return;
      if (reader.end() !== null) this.#badMessages++;
      this.#endIfStopped();
    };
    socket.on('data', read);
    socket.once('end', over);
    socket.once('close', over);
    read(rest);
    socket.resume();
  }

  begin(time: TrialTime, done: () => void): void {
    const { rates, relayRate, seconds } = this.#role;
    if (relayRate === null) return done();
    runTicks(
      time,
      relayRate,
      relayRate * seconds,
      rates.length * stepSeconds(rates, relayRate),
      () => this.#passOne(),
      (made) => {
        this.#made = made;
        done();
      },
    );
  }

  stop(): void {
    this.#isStopping = true;
    this.#endIfStopped();
  }

  report(): PartReport {
    const { late: lateTicks, latestMs } = this.#made;
    const [queue, badMessages, writes] = [this.#waiting.length, this.#badMessages, this.#writes];
    return { queue, lateTicks, latestMs, badMessages, connections: 0, writes };
  }

  #pass(passing: Passing): void {
    this.#waiting.push(passing);
    if (this.#role.relayRate === null) this.#passOne();
  }

  #passOne(): void {
    const passing = this.#waiting.shift();
    if (passing === undefined) return;
    const socket = this.#machines[passing.to];
    if (socket?.writable === true) socket.write(passing.line);
    this.#writes++;
  }

  /** Once no machine sends any more, each has been sent what it gets. */
  #endIfStopped(): void {
    if (!this.#isStopping || this.#incoming.size > 0) return;
    for (const socket of this.#machines) socket?.end();
    this.#ended();
  }
}
