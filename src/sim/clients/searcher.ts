import type { CancelSignal, Freshness, ScanRequest, ScanResult } from '../../eventlog/index.ts';
import { type Output, plainOutput } from '../../query/index.ts';
import { simBytes } from '../bytes.ts';
import { type ScanLine, scanLinesOf } from '../history.ts';
import { recordsAt } from '../place-name.ts';
import { Client } from './client.ts';

const epochMs = 1_767_225_600_000;

/** How a client asks for lines: every one with its offset, so that a checker knows which record it is. */
const numberedOutput: Output = { ...plainOutput, lineNumbers: true, withName: false };

/** Searches topics for digits of the values that clients write, with and without context and limits, and takes lines now quickly, now slowly. */
export class Searcher extends Client {
  /** Each search reads a whole log. */
  protected override pace = 4;

  protected override act(): void {
    const { world, random } = this;
    const topic = this.anyTopic();
    const broker = this.anyBroker();
    const freshness: Freshness = random.pick(['local', 'linearizable', 'session']);
    // Filters of blocks are of use from three on.
    const pattern = String(random.below(random.pick([10, 100, 1000])));
    const hasContext = random.chance(0.5);
    const output: Output = {
      ...numberedOutput,
      maxCount: random.chance(0.2) ? 1 + random.below(5) : null,
      before: hasContext ? random.below(4) : null,
      after: hasContext ? random.below(4) : null,
    };
    const committed = world.committedEnd(topic);
    const cancel: { cancelled: boolean; onCancel: CancelSignal['onCancel'] } = { cancelled: false, onCancel: null };
    const request: ScanRequest = {
      ...recordsAt(topic),
      offsetFrom: random.chance(0.2) ? random.below(Math.max(1, committed)) : null,
      offsetTo: random.chance(0.1) ? random.below(Math.max(1, committed * 2)) : null,
      sinceMs: random.chance(0.1) ? epochMs + random.below(Math.ceil(world.cluster.nowMs)) : null,
      untilMs: random.chance(0.1) ? epochMs + random.below(Math.ceil(world.cluster.nowMs)) : null,
      query: {
        match: {
          dialect: 'fixed',
          patterns: [simBytes.utf8Encode(pattern)],
          ignoreCase: false,
          invert: random.chance(0.2),
          word: false,
          wholeLine: false,
        },
        where: [],
        output,
        engine: 'auto',
        index: true,
        form: 'text',
        name: '',
        isTimed: false,
      },
      freshness,
      sessionOffset: freshness === 'session' ? (world.tokens.get(topic) ?? 0) : 0,
      timeoutMs: random.pick([20, 1000, 1000, 1000]),
      cancel,
    };
    const lines: ScanLine[] = [];
    const isSlow = random.chance(0.2);
    const invoked = world.history.tick();
    world.cluster.call<ScanResult>(
      this.number,
      broker,
      8000,
      (service, answer) => {
        const { process } = broker.machine;
        const taker = {
          take: (chunk: { readonly bytes: Uint8Array }, next: () => void): void => {
            lines.push(...scanLinesOf(chunk.bytes));
            if (isSlow) process?.schedule(random.below(300), 'client', next);
            else next();
          },
        };
        if (random.chance(0.05)) {
          process?.schedule(random.below(20), 'client', () => {
            cancel.cancelled = true;
            cancel.onCancel?.();
          });
        }
        service.scan(request, taker, answer);
      },
      (call) => {
        if (call.kind === 'answer' && call.outcome.ok) {
          const result = call.outcome.value;
          if (freshness === 'linearizable') world.cluster.watch.readIndex.answered(topic, broker.id, committed, result.highWatermark);
          const { invert } = request.query.match;
          const completed = world.history.tick();
          const committedEnd = world.groups.has(topic) ? world.committedEnd(topic) : null;
          world.history.scans.push({ broker: broker.id, topic, request, pattern, invert, invoked, completed, committedEnd, result, lines });
          this.#note(result);
        }
        this.ended();
      },
    );
  }

  #note({ gaps, selected }: ScanResult): void {
    const { coverage } = this.world.cluster.world;
    if (gaps.length === 0) coverage.reach(selected > 0 ? 'scan.complete' : 'scan.nothing');
    for (const { reason } of gaps) coverage.reach(`scan.${reason}`);
  }
}
