/** What a message pays for its stamp and for standing in the trace, as links of brokers and line gateways do it, in processor time of this process. */
import { CausalRing } from '../../src/broker/causal-ring.ts';
import { HeardAgents } from '../../src/broker/heard-agents.ts';
import { Counters } from '../../src/broker/counters.ts';
import { HybridClock, type Stamp } from '../../src/clocks/index.ts';
import { formatStamp, readLineStamp, writeLineStamp } from '../../src/clocks/line-stamp.ts';
import { systemBytes } from '../../src/system/bytes.ts';
import { SystemClock } from '../../src/system/clock.ts';
import { draft, sealFrame, wireHeaderBytes } from '../../src/wire/frame.ts';
import { atMost, digits, median, type Row } from '../figures.ts';
import type { Scenario } from '../scenario.ts';

const messagesAtOnce = 500_000;
const roundsLeast = 5;
const nsMost = 150;
const bytesMost = 16;

export const stampsScenario: Scenario = {
  name: 'stamps',
  about: 'what a frame or a message of an agent pays for its stamp and its note in the trace, in ns of the processor and in bytes',
  run: async ({ settings }) => {
    const rounds = Math.max(roundsLeast, settings.rounds);
    const rows: Row[] = messages().map(({ what, bytes, run }) => {
      // Compiled before it is measured.
      cpuNs(run);
      const ns = median(Array.from({ length: rounds }, () => cpuNs(run)));
      settings.say(`stamps, ${what}: ${digits(ns)} ns`);
      return { scenario: 'stamps', message: what, ns, bytes };
    });
    const largest = (column: string): number => Math.max(...rows.map((row) => Number(row[column])));
    return Promise.resolve({
      rows,
      targets: [
        atMost('the stamp and the note of a message, where it costs most', largest('ns'), nsMost, ' ns'),
        atMost('what it adds to a message', largest('bytes'), bytesMost, ' bytes'),
      ],
      counts: [],
    });
  },
};

function messages(): readonly { readonly what: string; readonly bytes: number; readonly run: (message: number) => void }[] {
  const clock = new SystemClock();
  const hybrid = new HybridClock(clock);
  const ring = new CausalRing(1, clock, () => hybrid.last);
  const agents = new HeardAgents(hybrid, ring, new Counters());
  const link = { peer: 2, connection: 0x5be0c1a27f03 };
  const agent = { agent: agents.meet('agent-bench-5be0c1'), connection: 0x5be0c1000001 };
  const frameBytes = stampBytesOfFrame();
  const theirs = { ms: 0, counter: 0 };
  const their = (): Stamp => {
    theirs.ms = clock.wallMs();
    return theirs;
  };
  const line = writeLineStamp(hybrid.next(), 100, clock.wallMs());
  return [
    {
      what: 'a frame that is sent',
      bytes: frameBytes,
      run: (message) => {
        hybrid.next();
        ring.sent(link, 18, 5, message, 400, clock.wallMs());
      },
    },
    {
      what: 'a frame that is received',
      bytes: frameBytes,
      run: (message) => {
        hybrid.observe(their());
        ring.received(link, 18, 5, message, 400, clock.wallMs());
      },
    },
    { what: "an agent's message, at the agent", bytes: line.length, run: () => void writeLineStamp(hybrid.next(), 100, clock.wallMs()) },
    {
      what: "an agent's message, at the broker",
      bytes: line.length,
      run: (message) => {
        const read = readLineStamp(line, 0, line.length - 1);
        if (read !== null) agents.received(agent, message, read, 0);
      },
    },
    {
      what: 'an acknowledgement to an agent',
      // With the space before it.
      bytes: formatStamp(hybrid.last).length + 1,
      run: (message) => void formatStamp(agents.sent(agent, message, 'ok', message)),
    },
  ];
}

/** Found by sealing a frame twice: of its header what stands behind the group, its sequence and its stamp. */
function stampBytesOfFrame(): number {
  const sealed = (group: number): Uint8Array => {
    const frame = draft(18, group, new Uint8Array(wireHeaderBytes));
    sealFrame(frame, 1, { ms: 1, counter: 1 }, systemBytes, []);
    return frame.head;
  };
  const [none, all] = [sealed(0), sealed(0xffff_ffff)];
  return wireHeaderBytes - 1 - none.findLastIndex((byte, at) => byte !== all[at]);
}

function cpuNs(run: (message: number) => void): number {
  const before = process.cpuUsage();
  for (let message = 1; message <= messagesAtOnce; message++) run(message);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / messagesAtOnce) * 1000;
}
