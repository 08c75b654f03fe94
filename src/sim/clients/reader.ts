import type { EndResult, Freshness, LogError, ReadResult } from '../../eventlog/index.ts';
import type { Member } from '../cluster.ts';
import { recordsOf } from '../history.ts';
import { recordsAt } from '../place-name.ts';
import { Client } from './client.ts';
import type { ClientWorld } from './world.ts';

export type ReaderKind = 'end' | 'follower' | 'fromStart' | 'session';

const epochMs = 1_767_225_600_000;

/** Reads on where it was, or asks for the end. */
export class Reader extends Client {
  readonly #kind: ReaderKind;
  #topic: string;
  #position = 0;
  #poll = 0;

  constructor(world: ClientWorld, number: number, kind: ReaderKind) {
    super(world, number);
    this.#kind = kind;
    this.#topic = this.anyTopic();
    // Who asks a leader that does not know yet that it is none has little time to do so.
    this.pace = kind === 'end' ? 0.3 : 1;
  }

  protected override act(): void {
    if (this.#kind === 'end') this.#readEnd();
    else this.#read();
  }

  #readEnd(): void {
    const { world } = this;
    const topic = this.anyTopic();
    const broker = this.anyBroker();
    const invoked = world.history.tick();
    const committed = world.committedEnd(topic);
    world.cluster.call<EndResult>(
      this.number,
      broker,
      3000,
      (service, answer) => service.end({ ...recordsAt(topic), freshness: 'linearizable' }, answer),
      (call) => {
        if (call.kind === 'answer' && call.outcome.ok) {
          const { offset, freshness } = call.outcome.value;
          world.cluster.watch.readIndex.answered(topic, broker.id, committed, offset);
          world.history.ends.push({
            client: this.number,
            broker: broker.id,
            topic,
            freshness,
            invoked,
            completed: world.history.tick(),
            offset,
          });
        }
        this.ended();
      },
    );
  }

  #read(): void {
    const { world, random } = this;
    if (this.#kind === 'fromStart' && random.chance(0.02)) {
      this.#go();
    }
    const topic = this.#topic;
    const broker = this.anyBroker();
    const freshness: Freshness = this.#kind === 'session' ? 'session' : random.pick(['local', 'local', 'linearizable']);
    const sessionOffset = freshness === 'session' ? (world.tokens.get(topic) ?? 0) : 0;
    // Now and then by time: wherever that leads, what follows must be whole.
    const sinceMs = random.chance(0.05) ? epochMs + random.below(Math.ceil(world.cluster.nowMs)) : null;
    const offsetFrom = sinceMs === null ? this.#position : null;
    if (sinceMs !== null) this.#poll++;
    const poll = this.#poll;
    const committed = world.committedEnd(topic);
    const waitMs = this.#kind === 'follower' ? random.pick([0, 100, 1000]) : 0;
    const invoked = world.history.tick();
    world.cluster.call<ReadResult>(
      this.number,
      broker,
      4000,
      (service, answer) =>
        service.read(
          { ...recordsAt(topic), offsetFrom, sinceMs, bytesMax: random.pick([1, 1024, 65536]), freshness, sessionOffset, waitMs },
          (outcome) => {
            if (outcome.ok) world.answered(broker.id, topic, outcome.value, freshness);
            answer(outcome);
          },
        ),
      (call) => {
        if (call.kind === 'answer' && call.outcome.ok) {
          const { batches, offsetNext, highWatermark } = call.outcome.value;
          if (freshness === 'linearizable') world.cluster.watch.readIndex.answered(topic, broker.id, committed, highWatermark);
          world.history.reads.push({
            client: this.number,
            poll,
            broker: broker.id,
            life: broker.machine.lives,
            topic,
            freshness,
            sessionOffset,
            invoked,
            completed: world.history.tick(),
            offsetFrom: call.outcome.value.offsetFrom,
            offsetNext,
            highWatermark,
            records: recordsOf(batches, call.outcome.value.offsetFrom),
          });
          this.#position = offsetNext;
        } else if (call.kind === 'answer' && !call.outcome.ok) {
          this.#refused(call.outcome.error, topic, broker, committed, offsetFrom);
        }
        this.ended();
      },
    );
  }

  #refused({ code, details }: LogError, topic: string, broker: Member, committedEnd: number, offset: number | null): void {
    if (code === 'unknownTopic') this.#go();
    if (code !== 'offsetOutOfRange' || offset === null) return;
    const { world } = this;
    const logStartOffset = Number(details['logStartOffset']);
    if (!world.cluster.isDamaged(broker)) world.history.outOfRange.push({ broker: broker.id, topic, offset, logStartOffset, committedEnd });
    if (offset >= logStartOffset) return;
    // Retention was faster than this reader: it goes on with what is left.
    world.cluster.world.coverage.reach('read.belowLogStart');
    this.#position = logStartOffset;
    this.#poll++;
  }

  /** Reads elsewhere from now on, from the start. */
  #go(): void {
    this.#position = 0;
    this.#poll++;
    this.#topic = this.anyTopic();
  }
}
