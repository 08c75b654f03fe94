/** A machine of `cairn lab clocks`, or its relay, as a process of its own. It does what the lab says (`channel.ts`), and ends with the channel to it. */
import type net from 'node:net';
import type { HostPort } from '../../base/host-port.ts';
import type { FromPart, Role, ToPart } from './channel.ts';
import { Machine } from './machine.ts';
import { Relay } from './relay.ts';
import { connectTo, listenOn, takeHello } from './sockets.ts';
import { TrialTime } from './ticks.ts';

const say = (message: FromPart): void => void process.send?.(message);

interface Part {
  connect(machines: readonly (HostPort | null)[], relay: HostPort | null): Promise<void>;
  begin(time: TrialTime, done: () => void): void;
  stop(): void;
}

function relayPart(role: Role, connections: Connections): Part {
  const relay = new Relay(role, () => say({ type: 'ended', report: relay.report() }));
  let connected: () => void = () => undefined;
  connections.take((socket, index, rest) => {
    relay.take(socket, index, rest);
    if (relay.isComplete) connected();
  });
  return {
    connect: () => (relay.isComplete ? Promise.resolve() : new Promise((resolve) => (connected = resolve))),
    begin: (time, done) => relay.begin(time, done),
    stop: () => relay.stop(),
  };
}

function machinePart(role: Role, connections: Connections): Part {
  let machine: Machine | null = null;
  let made = 0;
  return {
    async connect(machines, relay) {
      const ports = machines.map((place, index) => place?.port ?? index + 1);
      const own = new Machine(role, ports, () => say({ type: 'ended', report: own.report(made) }));
      machine = own;
      const others = machines.flatMap((_, index) => (index === role.index ? [] : [index]));
      if (relay !== null) {
        const socket = await connectTo(relay, role);
        own.sendOn(socket, others);
        own.receiveOn(socket, null, Buffer.alloc(0));
        made = 1;
        return;
      }
      let expected = others.length;
      const allCame = new Promise<void>((resolve) => {
        connections.take((socket, index, rest) => {
          own.receiveOn(socket, index, rest);
          if (--expected === 0) resolve();
        });
      });
      for (const index of others) own.sendOn(await connectTo(machines[index] as HostPort, role), [index]);
      made = others.length;
      await allCame;
    },
    begin: (time, done) => machine?.begin(time, done),
    stop: () => machine?.stop(),
  };
}

/** Who has connected and said who it is, from the moment that the process listens. */
class Connections {
  #waiting: (readonly [net.Socket, number, Buffer])[] = [];
  #take: ((socket: net.Socket, index: number, rest: Buffer) => void) | null = null;

  add(socket: net.Socket, index: number, rest: Buffer): void {
    if (this.#take === null) this.#waiting.push([socket, index, rest]);
    else this.#take(socket, index, rest);
  }

  take(take: (socket: net.Socket, index: number, rest: Buffer) => void): void {
    this.#take = take;
    for (const each of this.#waiting) take(...each);
    this.#waiting = [];
  }
}

async function be(role: Role): Promise<Part> {
  const connections = new Connections();
  let port: number | null = null;
  if (role.listenOn !== null) {
    const listening = await listenOn(role.listenOn, (socket) => {
      takeHello(socket, role, (index, rest) => connections.add(socket, index, rest));
    });
    port = listening.port;
  }
  const part = role.part === 'relay' ? relayPart(role, connections) : machinePart(role, connections);
  say({ type: 'listening', port });
  return part;
}

let part: Part | null = null;

async function obey(message: ToPart): Promise<void> {
  if (message.type === 'be') part = await be(message.role);
  else if (message.type === 'connect') {
    await part?.connect(message.machines, message.relay);
    say({ type: 'connected' });
  } else if (message.type === 'begin') part?.begin(new TrialTime(BigInt(message.startNs)), () => say({ type: 'done' }));
  else part?.stop();
}

process.on('message', (message: ToPart) => {
  obey(message).catch((error: unknown) => say({ type: 'failed', reason: error instanceof Error ? error.message : String(error) }));
});
process.on('disconnect', () => process.exit(0));
// A Ctrl-C at the terminal reaches all of its processes; the lab decides what ends.
process.on('SIGINT', () => undefined);
