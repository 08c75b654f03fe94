import { LogError } from '../eventlog/index.ts';
import { Caller, closed } from './caller.ts';
import { parseServer, Servers } from './servers.ts';
import { type RequestTracer, TracingSender } from './tracing-sender.ts';
import { type Sender, Transport } from './transport.ts';

/** What a client and those that `withSignal` makes of it have in common. */
export class Connections {
  readonly servers: Servers;
  readonly credentials: { readonly token: string | null; readonly ca: string | null };
  readonly transport: Sender;
  readonly caller: Caller;
  /** For what asks by ways of its own. */
  readonly closing = new AbortController();
  callCount = 0;
  /** The leader that was turned to last. */
  preferred: string | null = null;

  constructor(
    {
      servers,
      token = null,
      ca = null,
      tracer,
    }: {
      readonly servers: readonly string[];
      readonly token?: string | null;
      readonly ca?: string | null;
      readonly tracer?: RequestTracer;
    },
    sender?: Sender,
  ) {
    this.servers = new Servers(servers.map(parseServer));
    if (this.servers.all.length === 0) throw new LogError('usage', 'Cannot connect: no server is named');
    this.credentials = { token, ca };
    const plain = sender ?? new Transport(this.credentials);
    this.transport = tracer === undefined ? plain : new TracingSender(plain, tracer);
    this.caller = new Caller(this.transport, this.servers);
  }

  refuseClosed(action: string): void {
    if (this.closing.signal.aborted) throw closed(action, false);
  }

  close(): void {
    this.closing.abort();
    this.caller.close();
    this.transport.close();
  }
}
