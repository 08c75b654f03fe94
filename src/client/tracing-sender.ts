import { type Sender, type TransportAnswer, TransportError, type TransportRequest } from './transport.ts';

/** One request of a trace: what it says of itself, and what it is told at its end. */
export interface TracedRequest {
  /** As W3C Trace Context has it. */
  readonly traceparent: string;
  end(error: string | null, status: number | null): void;
}

/** Who traces what a client asks. */
export interface RequestTracer {
  /** Null where this one is not traced. A retry is a request of its own. */
  begin(server: string, method: string, path: string): TracedRequest | null;
}

/** Says of each request which trace it belongs to. */
export class TracingSender implements Sender {
  readonly #sender: Sender;
  readonly #tracer: RequestTracer;

  constructor(sender: Sender, tracer: RequestTracer) {
    this.#sender = sender;
    this.#tracer = tracer;
  }

  async send(server: string, request: TransportRequest): Promise<TransportAnswer> {
    const traced = this.#tracer.begin(server, request.method, request.path);
    if (traced === null) return this.#sender.send(server, request);
    try {
      const answer = await this.#sender.send(server, { ...request, headers: { ...request.headers, traceparent: traced.traceparent } });
      traced.end(answer.status >= 400 ? String(answer.status) : null, answer.status);
      return answer;
    } catch (error) {
      traced.end(error instanceof TransportError ? error.reason : 'failed', null);
      throw error;
    }
  }

  close(): void {
    this.#sender.close();
  }
}
