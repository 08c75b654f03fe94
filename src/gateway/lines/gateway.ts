import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { formatHostPort } from '../../base/host-port.ts';
import type { AgentCauses } from '../../clocks/agent-causes.ts';
import { boundClock, type ClockBounds } from '../../clocks/offset.ts';
import { LogError } from '../../eventlog/index.ts';
import { Connection, type ConnectionContext } from './connection.ts';
import type { Diagnostics } from './diagnostics.ts';
import type { LineSink } from './line-sink.ts';
import { SessionLives } from './session-lives.ts';
import type { LineSettings } from './settings.ts';
import { UnfinishedLines } from './unfinished-lines.ts';
import type { TopicStore } from '../../ingest/index.ts';

export interface LineGatewayOptions {
  /** Address to listen on; null for all of the machine. */
  readonly host: string | null;
  /** 0 takes a free one. */
  readonly port: number;
  readonly settings: LineSettings;
  /** What is done with lines at once, in a logger. */
  readonly sink: LineSink | null;
  /** Where lines are stored, if anywhere. */
  readonly store: TopicStore | null;
  readonly diagnostics: Diagnostics;
  /** Where the clock is that agents share, and what they send is noted. */
  readonly causes: AgentCauses;
  readonly nowS: () => number;
}

/** What is known of the clock of a spooling agent. */
interface AgentClock {
  /** As traces call it. */
  readonly process: string;
  readonly address: string;
  /** How far it is ahead of the clock here; null while nothing is known, or when it was set meanwhile. */
  readonly bounds: ClockBounds | null;
  /** Stamps on this connection that were too far ahead to be followed. */
  readonly stampsAhead: number;
}

export interface AgentClocks {
  readonly agents: readonly AgentClock[];
  /** Agents that found no room. */
  readonly left: number;
}

/** Sessions whose given lines are remembered, so that a broken connection does not print an event twice. */
const sessionsRememberedMax = 10_000;
const keepAliveMs = 30_000;

/** Takes connections and lines. */
export class LineGateway {
  readonly #options: LineGatewayOptions;
  readonly #server: Server;
  readonly #context: ConnectionContext;
  /** In the order in which they came. */
  readonly #unnamed = new Set<Connection>();
  readonly #connections = new Set<Connection>();
  readonly #bySession = new Map<string, Connection>();
  readonly #givenTo = new Map<string, number>();
  readonly #lives = new SessionLives();
  #nextId = 1;

  constructor(options: LineGatewayOptions) {
    this.#options = options;
    const { settings, sink, store, diagnostics, causes, nowS } = options;
    this.#context = {
      settings,
      sink,
      store,
      diagnostics,
      unfinished: new UnfinishedLines(settings.unfinishedBytesMax),
      causes,
      nowS,
      named: (connection) => void this.#unnamed.delete(connection),
      closed: (connection) => this.#closed(connection),
      takeSession: (session, connection, life) => {
        if (life !== null && !this.#lives.take(session, life)) return false;
        this.#bySession.get(session)?.destroy();
        this.#bySession.set(session, connection);
        return true;
      },
      givenTo: (session) => this.#givenTo.get(session) ?? 0,
      setGivenTo: (session, sequence) => this.#setGivenTo(session, sequence),
    };
    this.#server = createServer({ keepAlive: true, keepAliveInitialDelay: keepAliveMs, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Where it listens, once it does. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Of the agents that are connected and send stamps, at most `max`, those that came first. */
  agentClocks(max: number): AgentClocks {
    const agents: AgentClock[] = [];
    let count = 0;
    for (const { stamps, address } of this.#connections) {
      if (stamps === null) continue;
      count++;
      if (agents.length >= max) continue;
      const { process, samples, stampsAhead } = stamps;
      agents.push({ process, address, bounds: boundClock(samples), stampsAhead });
    }
    return { agents, left: count - agents.length };
  }

  listen(done: (error: LogError | null) => void): void {
    const { host, port, diagnostics } = this.#options;
    const refuse = (error: NodeJS.ErrnoException): void => {
      const isInUse = error.code === 'EADDRINUSE';
      const where = host === null ? `port ${port}` : formatHostPort({ host, port });
      const reason = isInUse ? 'another program listens there' : (reasons[error.code ?? ''] ?? error.message);
      done(new LogError(isInUse ? 'portInUse' : 'invalidConfig', `Cannot listen on ${where}: ${reason}`, { port }, { cause: error }));
    };
    this.#server.once('error', refuse);
    // Many nodes may come at once.
    const address = { port, backlog: 4096, ...(host === null ? {} : { host }) };
    this.#server.listen(address, () => {
      this.#server.off('error', refuse);
      this.#server.on('error', (error) => diagnostics.tell('connection', `Cannot accept a connection: ${error.message}`));
      done(null);
    });
  }

  /** Takes no more connections and ends those there are. */
  close(done: () => void): void {
    this.#server.close(() => done());
    for (const connection of this.#connections) connection.destroy();
  }

  #accept(socket: Socket): void {
    const { connectionsMax } = this.#options.settings;
    if (this.#connections.size >= connectionsMax) {
      const [oldest] = this.#unnamed;
      this.#options.diagnostics.tell(
        'full',
        oldest === undefined
          ? `Refused a connection from ${socket.remoteAddress ?? 'unknown'}: there are ${connectionsMax}`
          : `Closed the connection from ${oldest.address}: there are ${connectionsMax}, and it has not given its name`,
      );
      if (oldest === undefined) {
        socket.destroy();
        return;
      }
      this.#closed(oldest);
      oldest.destroy();
    }
    const connection = new Connection(this.#nextId++, socket, this.#context);
    this.#connections.add(connection);
    this.#unnamed.add(connection);
  }

  #closed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#unnamed.delete(connection);
    const session = connection.sessionId;
    if (session !== null && this.#bySession.get(session) === connection) this.#bySession.delete(session);
  }

  #setGivenTo(session: string, sequence: number): void {
    this.#givenTo.delete(session);
    this.#givenTo.set(session, sequence);
    if (this.#givenTo.size <= sessionsRememberedMax) return;
    const [oldest] = this.#givenTo.keys();
    if (oldest !== undefined) this.#givenTo.delete(oldest);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'not permitted',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'that name is not known',
};
