/** One machine as a process has it: the model's machine on sockets, at real ticks, with its log. `part-process.ts` wires it to the lab. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type net from 'node:net';
import path from 'node:path';
import { formatMessage, machineRandom, MessageReader, ModelMachine } from '../../clocks/index.ts';
import type { PartReport, Role } from './channel.ts';
import { MachineLog, processName } from './machine-log.ts';
import { runTicks, stepSeconds, type TicksMade, type TrialTime } from './ticks.ts';

/** More wait only where somebody floods the machine; what comes then is an error in the log. */
const queueMax = 1_000_000;

export class Machine {
  readonly #role: Role;
  readonly #model: ModelMachine;
  readonly #log: MachineLog;
  readonly #files: readonly number[];
  readonly #ended: () => void;
  /** By machine: where what is for it is written. Through a relay all are one. */
  readonly #out: (net.Socket | null)[];
  /** Connections on which something may still come. */
  readonly #incoming = new Set<net.Socket>();
  readonly #sent: number[];
  readonly #received: number[];
  /** When each waiting message came, in the order of the queue. */
  readonly #arrivals: number[] = [];
  #time: TrialTime | null = null;
  #made: TicksMade = { late: 0, latestMs: 0 };
  #isStopping = false;
  /** All its ticks are made. */
  #isOver = false;
  #writes = 0;
  #badMessages = 0;

  /** `ports` stand in the log; `ended` is told when it was stopped and nothing can come any more. */
  constructor(role: Role, ports: readonly number[], ended: () => void) {
    const { index, rates, range, seed, folder } = role;
    this.#role = role;
    this.#ended = ended;
    const random = machineRandom(seed, index);
    this.#model = new ModelMachine({ index, machineCount: rates.length, range, between: (from, to) => random.between(from, to) });
    const file = path.join(folder, processName(index));
    const [text, trace] = [openSync(`${file}.txt`, 'w'), openSync(`${file}.ndjson`, 'w')];
    this.#files = [text, trace];
    // At once: whatever ends the process, what it did until then can be read.
    this.#log = new MachineLog({
      index,
      ports,
      writeText: (lines) => writeSync(text, lines),
      writeTrace: (lines) => writeSync(trace, lines),
    });
    this.#out = rates.map(() => null);
    this.#sent = rates.map(() => 0);
    this.#received = rates.map(() => 0);
  }

  /** What is for these machines goes there. */
  sendOn(socket: net.Socket, machines: readonly number[]): void {
    for (const machine of machines) this.#out[machine] = socket;
  }

  /** What comes there is for this machine; `from` is who sends it, null where a relay passes on what all send. */
  receiveOn(socket: net.Socket, from: number | null, rest: Buffer): void {
    const reader = new MessageReader(this.#role.rates.length);
    this.#incoming.add(socket);
    const read = (chunk: Buffer): void =>
      reader.push(chunk, (message) => {
        if (!message.ok) return this.#bad(message.error, from);
        const wrong = message.value.to !== this.#role.index || (from !== null && message.value.from !== from);
        if (wrong) return this.#bad(`the message "${formatMessage(message.value).trimEnd()}" does not belong on this connection`, from);
        this.#deliver(message.value.from, message.value.clock);
      });
    socket.on('data', read);
    socket.once('close', () => {
      const torn = reader.end();
      if (torn !== null) this.#bad(torn, null);
      this.#incoming.delete(socket);
      // Others may be told to stop before this one is.
      if (!this.#isOver) this.#problem(`the connection from ${from === null ? 'the relay' : `machine ${from + 1}`} has ended`);
      this.#endIfStopped();
    });
    // Whoever sends no more gets no answer either.
    socket.once('end', () => socket.end());
    read(rest);
    socket.resume();
  }

  begin(time: TrialTime, done: () => void): void {
    this.#time = time;
    const rate = this.#role.rates[this.#role.index] as number;
    runTicks(
      time,
      rate,
      rate * this.#role.seconds,
      this.#role.index * stepSeconds(this.#role.rates, this.#role.relayRate),
      (number) => this.#tick(number),
      (made) => {
        this.#made = made;
        this.#isOver = true;
        done();
      },
    );
  }

  /** Nothing is sent any more; what others have sent still comes. */
  stop(): void {
    this.#isStopping = true;
    for (const socket of new Set(this.#out)) socket?.end();
    this.#endIfStopped();
  }

  report(connections: number): PartReport {
    const { late: lateTicks, latestMs } = this.#made;
    const [queue, badMessages, writes] = [this.#model.queueLength, this.#badMessages, this.#writes];
    return { queue, lateTicks, latestMs, badMessages, connections, writes };
  }

  #endIfStopped(): void {
    if (!this.#isStopping || this.#incoming.size > 0) return;
    for (const file of this.#files) closeSync(file);
    this.#ended();
  }

  #deliver(from: number, clock: number): void {
    if (this.#model.queueLength >= queueMax) return this.#bad(`more than ${queueMax} messages wait, one more is not taken`, from);
    const sequence = (this.#received[from] as number) + 1;
    this.#received[from] = sequence;
    this.#arrivals.push(this.#seconds);
    this.#model.deliver({ from, sequence, clock });
  }

  #tick(tick: number): void {
    const event = this.#model.tick();
    // The time of a tick that sends is before that of what it sends.
    const atSeconds = this.#seconds;
    const arrivedSeconds = event.kind === 'receive' ? (this.#arrivals.shift() ?? null) : null;
    const unsent: number[] = [];
    if (event.kind === 'send') {
      for (const to of event.to) {
        this.#sent[to] = (this.#sent[to] as number) + 1;
        const socket = this.#out[to];
        if (socket?.writable === true) socket.write(formatMessage({ from: this.#role.index, to, clock: event.clock }));
        else unsent.push(to);
        this.#writes++;
      }
    }
    this.#log.note({ event, tick, atSeconds, atMs: wallMs(), arrivedSeconds, sequenceTo: (to) => this.#sent[to] as number });
    for (const to of unsent) this.#problem(`the message to machine ${to + 1} was not sent: its connection has ended`);
  }

  /** One that came on a connection of `from` takes its place in the order of what that machine sent. */
  #bad(problem: string, from: number | null): void {
    this.#badMessages++;
    if (from !== null) this.#received[from] = (this.#received[from] as number) + 1;
    this.#problem(problem);
  }

  #problem(problem: string): void {
    this.#log.problem(problem, wallMs(), this.#seconds);
  }

  get #seconds(): number {
    return Math.round((this.#time?.seconds ?? 0) * 1e6) / 1e6;
  }
}

/** With fractions of milliseconds, which `Date.now` does not have. */
const wallMs = (): number => Math.round((performance.timeOrigin + performance.now()) * 1000) / 1000;
