import { describe, expect, test } from 'vitest';
import { Broker } from '../../src/broker/index.ts';
import { renderSpaceTime } from '../../src/chart/index.ts';
import { renderDiagramPage, spaceTimeOf } from '../../src/cli/traces/diagram.ts';
import {
  correctedTimes,
  formatTraceEvent,
  type OrderedTrace,
  orderTrace,
  parseTrace,
  skewOf,
  type Stretch,
  takeStretch,
  type TraceEvent,
} from '../../src/clocks/index.ts';
import type { AppendResult, Outcome } from '../../src/eventlog/index.ts';
import { Cluster } from '../../src/sim/cluster.ts';
import { run } from '../../src/sim/run.ts';
import { batchOfValues } from '../../src/sim/history.ts';
import { brokenBrokers } from './broken-brokers.ts';

/** A leader dies while an append that another broker passed on is on its way to it. */
function crashOfALeader(): {
  readonly events: readonly TraceEvent[];
  readonly outcome: Outcome<AppendResult> | null;
  readonly leader: string;
} {
  const lines: string[] = [];
  const cluster = new Cluster({
    seed: 12,
    brokerCount: 3,
    makeBroker: (options) => new Broker(options),
    inMemory: false,
    logOnly: true,
    clockSkewMsMax: 10_000,
    clockDriftMax: 0.001,
    onTrace: (event) => void lines.push(formatTraceEvent(event)),
  });
  const pass = (ms: number): void => cluster.world.scheduler.runUntil(cluster.nowMs + ms);
  for (const member of cluster.members) cluster.start(member);
  pass(1500);
  const leaderId = [...cluster.watch.ledger.groups][0]?.elections.at(-1)?.broker ?? 0;
  const leader = cluster.member(leaderId);
  const edge = cluster.members.find(({ id }) => id !== leaderId) ?? leader;
  let outcome: Outcome<AppendResult> | null = null;
  const append = (requestId: string, value: number): void => {
    const batch = batchOfValues(value, value + 1, 0, 0);
    const request = { topic: 'log', batch, level: 'quorum', timeoutMs: 8000, requestId, sequence: 0, expectedOffset: null } as const;
    cluster.callInside<AppendResult>(
      edge,
      (service, answer) => service.append(request, answer),
      (answered) => {
        outcome = answered;
      },
    );
  };
  append('passed on', 0);
  pass(200);
  append('retried', 1);
  pass(0.05);
  cluster.kill(leader, false);
  cluster.world.scheduler.runUntil(cluster.nowMs + 6000, () => outcome !== null);
  cluster.start(leader);
  pass(300);
  const parsed = parseTrace(lines.join(''));
  if (!parsed.ok) throw new Error(parsed.error);
  return { events: parsed.value, outcome, leader: `broker-${leaderId}` };
}

const played = crashOfALeader();
const ordered = (events: readonly TraceEvent[]): OrderedTrace => {
  const result = orderTrace(events);
  if (!result.ok) throw new Error(result.error);
  return result.value;
};

function stretchOf(trace: OrderedTrace, eventsMax: number): Stretch {
  const options = { fromMs: null, toMs: null, eventsMax, topic: null, chatter: false };
  const taken = takeStretch(trace, correctedTimes(trace, skewOf(trace)), options);
  if (!taken.ok) throw new Error(taken.error);
  return taken.value;
}

/** Everything that an event follows from, found by walking back over what the trace itself says: the process's own count, and who sent what was received. */
function pastOf(events: readonly TraceEvent[]): (event: TraceEvent) => ReadonlySet<TraceEvent> {
  const before = new Map<string, TraceEvent>();
  const sends = new Map<string, TraceEvent>();
  for (const event of events) {
    before.set(`${event.process} ${event.seq}`, event);
    const { link } = event;
    if (event.kind === 'send') sends.set(`${event.process}>${link?.to} ${link?.connection} ${link?.sequence}`, event);
  }
  return (event) => {
    const past = new Set<TraceEvent>();
    const left = [event];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const { process, seq, kind, link } = next;
      const causes = [before.get(`${process} ${seq - 1}`)];
      if (kind === 'receive') causes.push(sends.get(`${link?.from}>${process} ${link?.connection} ${link?.sequence}`));
      for (const cause of causes) {
        if (cause === undefined || past.has(cause)) continue;
        past.add(cause);
        left.push(cause);
      }
    }
    return past;
  };
}

describe('a recorded run in which a leader dies under an append', () => {
  test('ends with the append answered, by a second attempt', () => {
    const attempts = played.events.flatMap(({ kind, fields }) => (kind === 'submit' ? [fields['attempt']] : []));

    expect(played.outcome?.ok).toBe(true);
    expect(attempts.slice(0, 3)).toEqual([1, 1, 2]);
  });

  test('has no message that is received before it was sent, though clocks differ by up to 20 s', () => {
    const trace = ordered(played.events);
    const received = trace.events.filter(({ kind }) => kind === 'receive').length;

    expect(received).toBeGreaterThan(100);
    expect(trace.unpairedReceives).toBe(0);
    trace.events.forEach(({ trueMs, stamp }, index) => {
      const sent = trace.events[trace.sendOf[index] as number];
      if (sent === undefined) return;
      expect(trueMs).toBeGreaterThanOrEqual(sent.trueMs ?? Number.NaN);
      expect(stamp).not.toBeNull();
    });
  });

  test('shows every append as what followed from its submit, and every commit from what a majority had stored', () => {
    const trace = ordered(played.events);
    const all = [...trace.events.entries()].map(([index, event]) => ({ index, ...event }));
    const of = (kind: string): typeof all => all.filter((event) => event.kind === kind);

    const [appends, submits, commits, allStored] = [of('append'), of('submit'), of('commit'), of('stored')];
    const orphans = appends.filter(
      (append) =>
        !submits.some(
          ({ index, fields }) =>
            fields['producer'] === append.fields['producer'] &&
            fields['sequence'] === append.fields['sequence'] &&
            trace.happenedBefore(index, append.index),
        ),
    );
    const early = commits.filter((commit) => {
      const end = Number(commit.fields['highWatermark']);
      const stored = allStored.filter(({ index, fields }) => Number(fields['end']) >= end && trace.happenedBefore(index, commit.index));
      return new Set(stored.map(({ process }) => process)).size < 2;
    });

    expect([appends.length > 0, commits.length > 3]).toEqual([true, true]);
    expect([orphans, early]).toEqual([[], []]);
  });

  test('is drawn with the crash, the election and the retried append', () => {
    const trace = ordered(played.events);
    const times = correctedTimes(trace, skewOf(trace));
    const stretch = stretchOf(trace, 150);
    const picture = spaceTimeOf(trace, times, stretch, { title: 'a leader dies', times: 'of the simulator', notes: [], eventsMax: 150 });

    const result = renderSpaceTime(picture);

    const svg = result.ok ? result.svg : result.problem;
    expect(picture.faults?.find(({ process }) => process === played.leader)).toMatchObject({ label: 'killed', isDown: true });
    expect(svg).toContain('killed');
    expect(picture.events.some(({ process, label }) => process !== played.leader && label.startsWith('leader, term'))).toBe(true);
    expect(picture.events.some(({ label }) => label === 'submits again (2)')).toBe(true);
    expect(picture.messages.some(({ kind }) => kind === 'requestVote')).toBe(true);
    // The append that died with the leader goes nowhere.
    expect(picture.messages.some(({ kind, to }) => kind === 'append' && to === null)).toBe(true);
  });

  test('has in its page exactly the causes and effects that the trace has', () => {
    const trace = ordered(played.events);
    const times = correctedTimes(trace, skewOf(trace));
    const picture = spaceTimeOf(trace, times, stretchOf(trace, 120), { title: 't', times: 'x', notes: [], eventsMax: 120 });
    const result = renderSpaceTime(picture);
    const page = renderDiagramPage(picture, result.ok ? result.svg : '', trace);

    type Fact = readonly [index: number, process: number, place: number, knows: readonly number[]];
    const facts = JSON.parse(/id="facts">(.*?)<\/script>/.exec(page)?.[1] ?? '[]') as readonly Fact[];
    const past = pastOf(played.events);
    expect(facts.map(([index]) => index)).toEqual(picture.events.map(({ id }) => Number(id)));
    let related = 0;
    for (const later of facts) {
      const causes = past(trace.events[later[0]] as TraceEvent);
      for (const earlier of facts) {
        const isLit = earlier !== later && (later[3][earlier[1]] as number) >= earlier[2];
        expect(isLit).toBe(causes.has(trace.events[earlier[0]] as TraceEvent));
        if (isLit) related++;
      }
    }
    // Neither all nor none: a relation that cannot be wrong would prove nothing.
    expect(related).toBeGreaterThan(facts.length);
    expect(related).toBeLessThan((facts.length * (facts.length - 1)) / 2);
  });
});

describe('recording a run', () => {
  test('changes nothing of it, and every line is an event', () => {
    const options = { seed: 5, brokers: 3, minutes: 0.01, faults: ['crash', 'clockJump'] } as const;
    const lines: string[] = [];

    const plain = run(options);
    const recorded = run({ ...options, onTrace: (event) => void lines.push(formatTraceEvent(event)) });

    expect(recorded.traceHash).toBe(plain.traceHash);
    const parsed = parseTrace(lines.join(''));
    const events = parsed.ok ? parsed.value : [];
    expect(events[0]).toMatchObject({ process: 'simulator', kind: 'run', fields: { seed: 5, brokers: 3 } });
    expect(events.at(-1)).toMatchObject({ kind: 'verdict', fields: { ok: true } });
    expect(orderTrace(events).ok).toBe(true);
  });

  test('puts a violated check where it was found', () => {
    const early = brokenBrokers.find(({ defect }) => defect === 'acknowledges before the commit');
    const events: TraceEvent[] = [];

    const verdict = run({ seed: 1, brokers: 3, minutes: 0.02, faults: [], ...early?.options, onTrace: (event) => void events.push(event) });

    const violation = events.find(({ kind }) => kind === 'violation');
    expect(verdict.violations.find(({ id }) => id === violation?.fields['check'])?.message).toBe(violation?.fields['message']);
    // While the clients still ran, not when everything was looked at in the end.
    expect(violation?.trueMs).toBeLessThan(events.find(({ kind }) => kind === 'healed')?.trueMs ?? 0);
  });
});
