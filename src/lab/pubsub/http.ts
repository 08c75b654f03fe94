import http from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface HttpQuestion {
  readonly body?: string;
  /** Of the body; JSON where nothing is said. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** No answer, or one that says no. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed';
  /** Cairn's code where the answer has one; else what became of the connection. */
  readonly code: string;
  readonly status: number | null;

  constructor(code: string, status: number | null, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const timeoutMsUsual = 10_000;

/** Requests to one broker or another, one attempt each: what is measured is a request, not what a client makes of several. Connections are kept. */
export class Http {
  readonly #agent = new http.Agent({ keepAlive: true, scheduling: 'lifo' });

  /** Rejects with `RequestFailed`. */
  ask(origin: string, method: string, path: string, question: HttpQuestion = {}): Promise<HttpAnswer> {
    const { body, type = 'application/json', timeoutMs = timeoutMsUsual } = question;
    const bytes = body === undefined ? null : Buffer.from(body);
    const { hostname, port } = new URL(origin);
    return new Promise((resolve, reject) => {
      let isLate = false;
      const fail = (error: NodeJS.ErrnoException): void => {
        clearTimeout(timer);
        const code = isLate ? 'noAnswer' : (error.code ?? 'connectionLost');
        reject(
          new RequestFailed(code, null, `${method} ${path} at ${origin}: ${isLate ? `no answer within ${timeoutMs} ms` : error.message}`),
        );
      };
      const headers = {
        ...(bytes === null ? {} : { 'content-type': type, 'content-length': String(bytes.length) }),
        ...question.headers,
      };
      const sent = http.request({ hostname, port, method, path, agent: this.#agent, headers });
      const timer = setTimeout(() => {
        isLate = true;
        sent.destroy();
      }, timeoutMs);
      sent.on('error', fail);
      sent.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', fail);
        incoming.on('end', () => {
          clearTimeout(timer);
          const status = incoming.statusCode ?? 0;
          const text = Buffer.concat(chunks).toString('utf8');
          if (status < 300) resolve({ status, headers: incoming.headers, text });
          else reject(new RequestFailed(codeOf(text), status, `${method} ${path} at ${origin}: ${status} ${text}`));
        });
      });
      sent.end(bytes);
    });
  }

  async json(origin: string, method: string, path: string, body?: unknown, question: HttpQuestion = {}): Promise<unknown> {
    const { text } = await this.ask(origin, method, path, body === undefined ? question : { ...question, body: JSON.stringify(body) });
    return text === '' ? null : JSON.parse(text);
  }

  close(): void {
    this.#agent.destroy();
  }
}

function codeOf(text: string): string {
  try {
    return (JSON.parse(text) as { readonly error: { readonly code: string } }).error.code;
  } catch {
    return 'noSuchAnswer';
  }
}
