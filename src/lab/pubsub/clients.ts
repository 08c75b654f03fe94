import { type LatencySummary, Latencies } from '../bench/latencies.ts';
import { RequestFailed } from './http.ts';

/** What the requests of one kind in one closed loop of clients came to. */
export interface Measured {
  readonly answered: number;
  /** By code. */
  readonly failed: ReadonlyMap<string, number>;
  readonly tookMs: number;
  /** Of those that were answered. */
  readonly latencyMs: LatencySummary;
}

export interface Bounds {
  readonly clients: number;
  /** Of all clients together; whichever comes first ends it. */
  readonly requestsMax: number;
  readonly msMax: number;
}

/** A request, and whose figures it belongs to. */
export interface Request<Kind extends string> {
  readonly kind: Kind;
  readonly send: () => Promise<unknown>;
}

/**
 * So many clients, each with one request on its way and the next as soon as the answer is there. A client for which there is no next request ends. A request
 * that is refused, or not answered, is counted; anything else that goes wrong is a mistake of ours and ends the run.
 */
export async function runClients<Kind extends string>(
  { clients, requestsMax, msMax }: Bounds,
  next: (client: number) => Request<Kind> | null,
): Promise<ReadonlyMap<Kind, Measured>> {
  const tallies = new Map<Kind, Tally>();
  const startedMs = performance.now();
  const untilMs = startedMs + msMax;
  let sent = 0;
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      while (sent < requestsMax && performance.now() < untilMs) {
        const request = next(client);
        if (request === null) return;
        sent++;
        const tally = tallies.get(request.kind) ?? new Tally();
        tallies.set(request.kind, tally);
        const sentMs = performance.now();
        try {
          await request.send();
          tally.answered(performance.now() - sentMs);
        } catch (error) {
          if (!(error instanceof RequestFailed)) throw error;
          tally.failed(error.code);
        }
      }
    }),
  );
  const tookMs = performance.now() - startedMs;
  return new Map([...tallies].map(([kind, tally]) => [kind, tally.measured(tookMs)]));
}

/** The same for requests of one kind. */
export async function runAlike(bounds: Bounds, next: (client: number) => (() => Promise<unknown>) | null): Promise<Measured> {
  const measured = await runClients(bounds, (client) => {
    const send = next(client);
    return send === null ? null : { kind: 'all', send };
  });
  return measured.get('all') ?? new Tally().measured(0);
}

class Tally {
  readonly #latencies = new Latencies();
  readonly #failed = new Map<string, number>();
  #answered = 0;

  answered(ms: number): void {
    this.#answered++;
    this.#latencies.record(ms);
  }

  failed(code: string): void {
    this.#failed.set(code, (this.#failed.get(code) ?? 0) + 1);
  }

  measured(tookMs: number): Measured {
    return { answered: this.#answered, failed: this.#failed, tookMs, latencyMs: this.#latencies.summary() };
  }
}

export const perSecond = ({ answered, tookMs }: Measured): number => (answered === 0 ? 0 : answered / (tookMs / 1000));

export const failedOf = ({ failed }: Measured): number => [...failed.values()].reduce((sum, count) => sum + count, 0);

/** `3 timeout, 1 noLeader`; nothing where none failed. */
export const failuresOf = ({ failed }: Measured): string => [...failed].map(([code, count]) => `${count} ${code}`).join(', ');
