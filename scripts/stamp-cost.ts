// `node scripts/stamp-cost.ts`: what a frame pays for being in the trace: its share of the stamp, the note that it was sent and the one that it was
// received, as the links of a broker do it. Prints nanoseconds of the
// processor, the middle of several rounds.
import { CausalRing } from '../src/broker/causal-ring.ts';
import { HybridClock } from '../src/clocks/index.ts';
import { SystemClock } from '../src/system/clock.ts';

const rounds = 9;
const framesAtOnce = 2_000_000;
const clock = new SystemClock();
const hybrid = new HybridClock(clock);
const ring = new CausalRing(1, clock, () => hybrid.last);
const link = { peer: 2, connection: 0x5be0c1a27f03 };

function middleNs(run: (frame: number) => void): number {
  const found: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    for (let frame = 0; frame < framesAtOnce; frame++) run(frame);
    const { user, system } = process.cpuUsage(before);
    found.push(((user + system) / framesAtOnce) * 1000);
  }
  return found.sort((a, b) => a - b)[rounds >> 1] as number;
}

const theirs = { ms: 0, counter: 0 };
const sendNs = middleNs((frame) => {
  hybrid.next();
  ring.sent(link, 18, 5, frame, 400, clock.wallMs());
});
const receiveNs = middleNs((frame) => {
  theirs.ms = clock.wallMs();
  hybrid.observe(theirs);
  ring.received(link, 18, 5, frame, 400, clock.wallMs());
});
const eventNs = middleNs((frame) => ring.commit(5, frame));
const print = (what: string, ns: number): void => void process.stdout.write(`${what.padEnd(44)} ${ns.toFixed(0).padStart(5)} ns\n`);
print('a frame that is sent: stamp and note', sendNs);
print('a frame that is received: stamp and note', receiveNs);
print('another event', eventNs);
