import type { Answer, LogError, SubscriptionService } from '../../eventlog/index.ts';
import type { CallOutcome, Member } from '../cluster.ts';
import { Client } from './client.ts';

const retryForMs = 20_000;
/** Answers that say what is so: nobody is asked again. */
const clientCodes: ReadonlySet<string> = new Set([
  'pullOutOfOrder',
  'staleGeneration',
  'cursorOutOfRange',
  'notSubscribed',
  'unknownSubscriber',
  'unknownWorker',
  'tooManyRetries',
  'notParked',
]);

/** A client of publishers and subscribers. */
export abstract class SubscriptionClient extends Client {
  /** All is healed: it asks until it is answered. */
  protected isDraining = false;

  /** Asks one broker after another until it is answered for good; a late answer to an earlier attempt is nobody's. */
  protected call<Value>(
    invoke: (service: SubscriptionService, answer: Answer<Value>) => void,
    done: (outcome: { readonly value: Value } | { readonly error: LogError; readonly isUncertain: boolean } | null) => void,
  ): void {
    const { world, random } = this;
    const untilMs = world.cluster.nowMs + retryForMs;
    let isUncertain = false;
    const attempt = (): void => {
      const member: Member = this.isDraining ? random.pick(world.cluster.sound) : this.anyBroker();
      world.cluster.call<Value>(
        this.number,
        member,
        random.pick([2000, 8000, 12_000]),
        (_service, answer) => {
          const service = member.broker?.subscriptions;
          if (service !== undefined) invoke(service, answer);
        },
        (call: CallOutcome<Value>) => {
          if (call.kind === 'answer' && call.outcome.ok) return done({ value: call.outcome.value });
          const error = call.kind === 'answer' && !call.outcome.ok ? call.outcome.error : null;
          if (error !== null) world.cluster.world.coverage.reach(`subscriber.${error.code}`);
          if (error !== null && clientCodes.has(error.code)) return done({ error, isUncertain });
          if (call.kind !== 'refused' && error?.definite !== true) isUncertain = true;
          if (world.cluster.nowMs >= untilMs && !this.isDraining) return done(null);
          this.later(random.float() * 200, attempt);
        },
      );
    };
    attempt();
  }
}
