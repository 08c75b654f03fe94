import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { formatHostPort } from '../../base/host-port.ts';
import { type FaultSwitch, LogError } from '../../eventlog/index.ts';
import { Actions, type ActionsOptions, type Reply } from './actions.ts';
import * as answers from './answers.ts';
import { Connection, type ConnectionContext, HeldBytes } from './connection.ts';
import { writeList } from './peers.ts';
import { invalidAction, type WireRequest } from './request.ts';
import { Transcript } from './transcript.ts';

export interface WireGatewayOptions extends ActionsOptions {
  readonly host: string;
  readonly port: number;
  /** This broker among the peers. */
  readonly vertex: number;
  readonly faults: Pick<FaultSwitch, 'crashed' | 'crash' | 'recover'>;
  /** Whether `stop_node` and `start_new` do what they say. */
  readonly faultInjection: boolean;
  /** Ends the acted crash of another peer; the reason why it could not, or null. */
  readonly recoverPeer: (vertex: number) => Promise<string | null>;
  /** Takes a line of what the peer tells of its work. */
  readonly write: (line: string) => void;
}

/** How often a stopped node looks whether it may come back. */
const lookMs = 25;
const faultsOff = 'Cannot stop or start a node: fault injection is switched off';

/** One port of the old wire. */
export class WireGateway {
  readonly #options: WireGatewayOptions;
  readonly #actions: Actions;
  readonly #transcript: Transcript;
  readonly #context: ConnectionContext;
  readonly #label: string;
  readonly #connections = new Set<Connection>();
  #server: Server | null = null;
  #port = 0;
  #watch: NodeJS.Timeout | null = null;
  #isClosing = false;

  constructor(options: WireGatewayOptions) {
    this.#options = options;
    const { peers, vertex, settings, wallMs } = options;
    this.#actions = new Actions(options);
    this.#label = peers.label(vertex);
    this.#transcript = new Transcript(this.#label, options.write, () => new Date(wallMs()));
    this.#context = {
      settings,
      transcript: this.#transcript,
      held: new HeldBytes(settings.heldBytesMax),
      perform: (request, connection) => this.#perform(request, connection),
      closed: (connection) => void this.#connections.delete(connection),
    };
  }

  /** Where it listens, or did before it was stopped. */
  get port(): number {
    return this.#port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  listen(done: (error: LogError | null) => void): void {
    const { peers, vertex, port } = this.#options;
    this.#transcript.say(`Neighbors: ${writeList(peers.neighboursOf(vertex))}`);
    this.#listen(port, (error) => {
      if (error === null) this.#transcript.say(`Server started on port ${this.#port}`);
      done(error);
    });
  }

  close(): void {
    this.#isClosing = true;
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#server?.close();
    for (const connection of this.#connections) connection.destroy();
  }

  #listen(port: number, done: (error: LogError | null) => void): void {
    const { host } = this.#options;
    // A client may say that it has nothing more to say and still wait for its answer.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
    const refused = (error: NodeJS.ErrnoException): void => {
      const isInUse = error.code === 'EADDRINUSE';
      const reason = isInUse ? 'another program listens there' : error.message;
      done(
        new LogError(
          isInUse ? 'portInUse' : 'invalidConfig',
          `Cannot listen on ${formatHostPort({ host, port })}: ${reason}`,
          { port },
          { cause: error },
        ),
      );
    };
    server.once('error', refused);
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', refused);
      // Without a descriptor for it a connection waits in the queue.
      server.on('error', () => undefined);
      this.#server = server;
      this.#port = (server.address() as AddressInfo).port;
      done(null);
    });
  }

  #accept(socket: Socket): void {
    const { faults, settings } = this.#options;
    const makesRoom = this.#connections.size < settings.connectionsMax ? null : this.#oldestUnfinished();
    // One that was told to act as crashed by other means has its port open, and answers nobody.
    if (faults.crashed || makesRoom === undefined) {
      socket.destroy();
      return;
    }
    if (makesRoom !== null) {
      this.#connections.delete(makesRoom);
      makesRoom.destroy();
    }
    this.#connections.add(new Connection(socket, this.#context));
  }

  #oldestUnfinished(): Connection | undefined {
    for (const connection of this.#connections) if (!connection.isWhole) return connection;
    return undefined;
  }

  async #perform(request: WireRequest, connection: Connection): Promise<Reply> {
    if (request.action === 'stopNode') return this.#stopNode(connection, request.comesBack);
    if (request.action === 'startNode') return await this.#startNode(request.node);
    return await this.#actions.perform(request);
  }

  /**
   * The node is gone before its answer is there: whoever has it and comes again is refused. A node that is down is one whose broker acts as crashed; when that
   * ends, by time, by `start_new` or by `cairn fault recover`, the port is there again.
   */
  #stopNode(asking: Connection, comesBack: boolean): Reply {
    const { faults, faultInjection, settings, monotonicMs } = this.#options;
    if (!faultInjection) return faultsOff;
    this.#transcript.say(`Node ${this.#label} is now simulating a failure.`);
    this.#server?.close();
    this.#server = null;
    for (const connection of this.#connections) if (connection !== asking) connection.destroy();
    faults.crash();
    const backAtMs = comesBack ? monotonicMs() + settings.stoppedMs : Number.POSITIVE_INFINITY;
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = setInterval(() => {
      if (monotonicMs() >= backAtMs) faults.recover();
      if (!faults.crashed) this.#comeBack();
    }, lookMs);
    return answers.nodeFailed;
  }

  #comeBack(): void {
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#watch = null;
    this.#listen(this.#port, (error) => {
      if (this.#isClosing) return void this.#server?.close();
      if (error === null) return this.#transcript.say(`Node ${this.#label} is back online in its original state.`);
      // Somebody has taken the port meanwhile: as long as he has it, the node is not there.
      this.#transcript.say(error.message);
      this.#watch = setInterval(() => this.#comeBack(), listenAgainMs);
    });
  }

  async #startNode(node: string): Promise<Reply> {
    const { peers, vertex, faultInjection, recoverPeer } = this.#options;
    const other = peers.vertexOf(node);
    if (other < 0) return invalidAction;
    if (!faultInjection) return faultsOff;
    const problem = other === vertex ? null : await recoverPeer(other);
    return problem === null ? answers.nodeStarted(node) : `Cannot start node ${node}: ${problem}`;
  }
}

const listenAgainMs = 500;
