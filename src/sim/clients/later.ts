import { type AppendResult, type Cancelled, judge, type ScheduleService, type ScheduledPage } from '../../eventlog/index.ts';
import { wallAtStartMs } from '../clock.ts';
import type { CallOutcome, Member } from '../cluster.ts';
import { batchOfAppend, type LaterOperation } from '../history.ts';
import { recordsAt } from '../place-name.ts';
import { Client } from './client.ts';

const retryForMs = 15_000;
/** By the true time; clocks of brokers may say something else. */
const aheadMsMost = [0, 300, 3000, 20_000] as const;

/** Gives records that are to be appended later, and cancels some of them before, or while, that happens. */
export class LaterClient extends Client {
  protected override act(): void {
    const { history, cluster } = this.world;
    const scheduled = history.later.filter(
      ({ id, cancelled, append }) => append.client === this.number && id !== null && cancelled === 'no',
    );
    const last = scheduled.at(-1);
    if (last !== undefined && this.random.chance(0.25)) return this.#cancel(last);
    const { recordsMax, fillBytesMax } = this.world.settings;
    const aheadMs = this.random.float() * this.random.pick(aheadMsMost);
    const requestId = this.random.chance(0.5) ? `later-${this.number}-${history.later.length}` : null;
    const fields = { client: this.number, topic: this.anyTopic(), requestId, fillBytes: this.random.below(fillBytesMax) };
    const deliverAtMs = Math.floor(wallAtStartMs + cluster.nowMs + aheadMs);
    this.#give(history.beginLater(fields, 1 + this.random.below(recordsMax), deliverAtMs, cluster.nowMs));
  }

  #give(operation: LaterOperation): void {
    const { world, random } = this;
    const { append, deliverAtMs } = operation;
    const begunMs = world.cluster.nowMs;
    let isUncertain = false;
    const end = (outcome: LaterOperation['append']['outcome'], code: string | null): void => {
      append.outcome = outcome;
      append.code = code;
      append.completed = world.history.tick();
      append.completedMs = world.cluster.nowMs;
      this.ended();
    };
    const attempt = (): void => {
      const isAgain = append.attempts++ > 0;
      const request = {
        ...recordsAt(append.topic),
        batch: batchOfAppend(append),
        level: 'quorum' as const,
        timeoutMs: 5000,
        requestId: append.requestId,
        sequence: 0,
        expectedOffset: null,
        deliverAtMs,
        ...(isAgain ? { firstAttemptMs: world.cluster.nowMs - begunMs } : {}),
      };
      world.cluster.call<AppendResult>(
        this.number,
        this.anyBroker(),
        random.pick([500, 5000, 8000]),
        (service, answer) => service.append(request, answer),
        (call: CallOutcome<AppendResult>) => {
          if (call.kind === 'answer' && call.outcome.ok) {
            operation.id = call.outcome.value.scheduled?.id ?? null;
            append.result = call.outcome.value;
            world.cluster.world.coverage.reach(call.outcome.value.duplicate ? 'later.givenBefore' : 'later.given');
            return end('ok', null);
          }
          const error = call.kind === 'answer' && !call.outcome.ok ? call.outcome.error : null;
          if (call.kind === 'lost') isUncertain = true;
          if (error !== null) {
            const judged = judge(error, { isUncertain, isRepeatable: append.requestId !== null });
            if (judged.proves === 'notAppended' && judged.again === 'no') return end('definite', error.code);
            isUncertain = judged.isUncertain;
            if (judged.again === 'no') return end('indefinite', error.code);
          }
          const mayRepeat = append.requestId !== null || !isUncertain;
          if (!mayRepeat || !world.running || world.cluster.nowMs - begunMs > retryForMs)
            return end(isUncertain ? 'indefinite' : 'definite', error?.code ?? call.kind);
          this.later(random.float() * 300, attempt);
        },
      );
    };
    attempt();
  }

  #cancel(operation: LaterOperation): void {
    const { world, random } = this;
    const { coverage } = world.cluster.world;
    const untilMs = world.cluster.nowMs + retryForMs;
    operation.cancelled = 'perhaps';
    const attempt = (): void => {
      const member: Member = this.anyBroker();
      world.cluster.call<Cancelled>(
        this.number,
        member,
        random.pick([1000, 9000]),
        (_service, answer) => schedulesOf(member)?.cancelScheduled(operation.id as string, answer),
        (call: CallOutcome<Cancelled>) => {
          if (call.kind === 'answer' && call.outcome.ok) {
            operation.cancelled = 'yes';
            coverage.reach('later.cancelled');
            return this.ended();
          }
          const refusal = call.kind === 'answer' && !call.outcome.ok ? call.outcome.error.code : null;
          if (refusal === 'notScheduled' || refusal === 'beingDelivered') {
            operation.cancelled = 'tooLate';
            coverage.reach('later.tooLate');
            return this.ended();
          }
          if (!world.running || world.cluster.nowMs >= untilMs) return this.ended();
          this.later(random.float() * 300, attempt);
        },
      );
    };
    attempt();
  }

  /** Once all faults have ended: comes back when nothing waits any more. */
  whenAllDelivered(done: () => void): void {
    const { world } = this;
    const look = (): void => {
      const member = this.random.pick(world.cluster.sound);
      world.cluster.call<ScheduledPage>(
        this.number,
        member,
        9000,
        (_service, answer) => schedulesOf(member)?.listScheduled({ topic: null, after: null, limit: 10 }, answer),
        (call: CallOutcome<ScheduledPage>) => {
          const page = call.kind === 'answer' && call.outcome.ok ? call.outcome.value : null;
          if (page?.totals.waiting !== 0) return this.later(200, look);
          world.cluster.world.coverage.reach('later.delivered', page.totals.delivered);
          world.cluster.world.coverage.reach('later.dropped', page.totals.dropped);
          done();
        },
      );
    };
    look();
  }
}

const schedulesOf = ({ broker }: Member): ScheduleService | undefined => broker?.schedules;
