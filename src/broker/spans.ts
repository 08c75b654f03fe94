import { toHex } from '../base/bytes.ts';
import type { TraceContext } from '../base/trace-context.ts';
import type { OpenSpan, Span, SpanFields, SpanService } from '../eventlog/index.ts';
import type { Clock, Random } from '../host/index.ts';

/** Kept of all traces together; some two thousand bytes each at most, and none is made where nobody asks for a trace. */
const spansKeptMax = 4096;
/** The wall clock was set where it moves by more than this against the one that only counts. */
const wallStepMs = 5;

/**
 * The spans that a broker keeps (docs/decisions/0033): a ring of its last ones. Nothing here is called for a request that is not traced, which is why the others
 * may cost objects.
 */
export class Spans implements SpanService {
  readonly #process: string;
  readonly #clock: Pick<Clock, 'monotonicMs' | 'wallMs'>;
  readonly #random: Pick<Random, 'bytes'>;
  readonly #max: number;
  readonly #ring: Span[] = [];
  #count = 0;
  /** The wall clock counts whole milliseconds; by how much it is ahead of the other clock is known the better the longer one looks. */
  #wallAheadMs = Number.NEGATIVE_INFINITY;
  onEnded: ((span: Span) => void) | null = null;

  /** @param process whose they are, as traces call it */
  constructor(process: string, clock: Pick<Clock, 'monotonicMs' | 'wallMs'>, random: Pick<Random, 'bytes'>, max = spansKeptMax) {
    this.#process = process;
    this.#clock = clock;
    this.#random = random;
    this.#max = max;
  }

  get count(): number {
    return this.#count;
  }

  begin(name: string, parent: TraceContext | null, fields: SpanFields = {}): OpenSpan {
    return this.beginAt(this.#clock.monotonicMs(), name, parent, fields);
  }

  /** One that began a while ago, on the monotonic clock. */
  beginAt(startMs: number, name: string, parent: TraceContext | null, fields: SpanFields = {}): OpenSpan {
    const traceId = parent?.traceId ?? toHex(this.#random.bytes(16));
    const context = { traceId, spanId: toHex(this.#random.bytes(8)) };
    return { context, parentId: parent?.spanId ?? null, name, startMs, fields };
  }

  end({ context, parentId, name, startMs, fields }: OpenSpan, error: string | null = null, more: SpanFields = {}): void {
    const durationMs = this.#clock.monotonicMs() - startMs;
    const all = { ...fields, ...more };
    const span = { ...context, parentId, name, process: this.#process, startMs: startMs + this.#ahead(), durationMs, fields: all, error };
    this.#ring[this.#count % this.#max] = span;
    this.#count++;
    this.onEnded?.(span);
  }

  #ahead(): number {
    const aheadMs = this.#clock.wallMs() - this.#clock.monotonicMs();
    if (aheadMs > this.#wallAheadMs || aheadMs < this.#wallAheadMs - wallStepMs) this.#wallAheadMs = aheadMs;
    return this.#wallAheadMs;
  }

  ofTrace(traceId: string): readonly Span[] {
    const oldest = this.#count > this.#max ? this.#count % this.#max : 0;
    const inOrder = [...this.#ring.slice(oldest), ...this.#ring.slice(0, oldest)];
    return inOrder.filter((span) => span.traceId === traceId);
  }
}
