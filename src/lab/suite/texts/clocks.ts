import { type Block, graph, heading, list, table, text } from '../../report/blocks.ts';
import type { Figures } from '../figures.ts';
import { oracle, presetStep } from '../published.ts';
import { commandsOf, failedChecks, provenance } from './parts.ts';

const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const relay = 'clocks-relay';

/** Contract 5. */
export function clocks(figures: Figures): readonly Block[] {
  const stepOf = (preset: number): string => presetStep(figures, preset);
  const presets = [...new Set(numbers.map(stepOf))];
  const steps = [...presets, relay];
  const trials = presets.flatMap((id) => figures.rows(id).filter(({ clock }) => clock !== undefined));
  const wires = figures.rows(relay).filter(({ connections }) => connections !== undefined);
  const published = oracle(figures);
  const claims = presets.flatMap((id) => (figures.lab(id)?.checks ?? []).filter(({ name }) => name.startsWith('preset')));
  return [
    heading('What was built'),
    text(
      'Each machine is a process of its own that ticks at a fixed rate, with a queue that its rate does not limit, a Lamport clock and two logs, one in the lines of the seed and one for programs. At a tick it takes one message, if one waits, and sets its clock to the greater of its own and that of the message, and one more. Otherwise it draws a number that says whether it sends its clock, to whom, or does something by itself.',
      'What a machine does at a tick is a pure function. The same code runs in processes with sockets and real ticks, and on simulated time, where a minute takes less than a second. So a real trial can be compared with 300 simulated ones of the same rates: it must be one that these could have given. Where ticks of several machines fall together, each machine of a real trial ticks up to 4 ms after the one before it, so that what happens at once happens in the order of the model; a trial whose ticks were all in time is its virtual run tick for tick.',
    ),
    list(
      'Messages are lines with sender, receiver and clock. Without a frame the clocks 12 and 13, sent one after the other, arrive as 1213.',
      'Ticks have absolute deadlines. Who sleeps for the length of a tick after each tick drifts; a late tick here is made up at once, and counted.',
      'The graphs are over system seconds, not over ticks divided by the rate, which the seed used because its clock was not good enough.',
    ),
    heading('Figures'),
    ...provenance(figures, steps),
    ...commandsOf(figures, steps),
    table(published.head, published.rows),
    table(
      ['trial', 'ticks/s', 'clock', 'drift', 'mean jump', 'largest jump', 'queue', 'largest queue', 'late ticks'],
      trials.map((row) =>
        ['trial', 'ticks/s', 'clock', 'drift', 'mean jump', 'largest jump', 'queue', 'largest queue', 'late ticks'].map((column) =>
          String(row[column] ?? ''),
        ),
      ),
    ),
    heading('Jumps'),
    text(
      'A clock jumps when a message brings a greater one. A fast machine leads and receives old clocks only, so it goes up by one at a tick, and its line is straight. A slow one rises by what the others rise between two of its ticks, at least: its mean jump is near the rate of the fastest divided by its own, as long as it reads fresh messages.',
      'The largest jump comes after a run of ticks without a message.',
    ),
    heading('Drift and gaps'),
    text(
      'Two things keep a slow clock near the fast ones, both messages. When they are few, the slow machine finds its queue empty most of the time, reads each message soon after it was sent, and lags by the gap between two of them. When they are many, the queue fills up, and what it reads is ever older. Then it does not lag by a gap but falls behind for good: its clock shows what the others had when the messages now read were sent.',
      'So the slow clock does better with fewer messages. Preset 9, with three numbers of fifteen that send, ends together, and preset 7, with three of five, ends below half.',
    ),
    graph(stepOf(7), 'preset-7-clocks', 'Preset 7: two fast machines and a slow one, three numbers of five send'),
    graph(stepOf(9), 'preset-9-clocks', 'Preset 9: the slow machine keeps up, three numbers of fifteen send'),
    graph(stepOf(4), 'preset-4-clocks', 'Preset 4: clocks of three different rates'),
    heading('Queues'),
    text(
      'An idle tick sends to each of the two others with the chance of two numbers in the range. A machine of rate r that never has to read thus sends 2r/range messages a second to each. Where what arrives is more than the rate of the receiver its queue grows steadily, and in twice the time to twice the length; where it is less, the queue goes up and down and is empty most of the time. The others read too, and do not send while they do, so queues grow more slowly than the formula says.',
    ),
    graph(stepOf(7), 'preset-7-queues', 'Preset 7: the queue of the slow machine grows steadily'),
    graph(stepOf(6), 'preset-6-queues', 'Preset 6: 120 s, two slow machines'),
    graph(stepOf(4), 'preset-4-second-29', 'One second of preset 4: processes, ticks and messages'),
    heading('The claims of the seed'),
    text('Each is judged on the means of 300 simulated runs of the rates, since one run may say the opposite by chance.'),
    table(
      ['', 'claim', 'expected', 'got'],
      claims.map(({ ok, name, expected, got }) => [ok ? 'holds' : '**does not hold**', name, expected, got]),
    ),
    heading('Pairwise sockets against a relay'),
    text(
      'The seed chose a socket for each pair and direction, since a server in the middle would have to read and write each message. Both were made with the same rates and the same seed:',
    ),
    table(
      ['topology', 'connections', 'set up (ms)', 'writes per message', 'delay p50 (ms)', 'p99 (ms)', 'max (ms)', 'wait in the relay'],
      wires.map((row) =>
        ['topology', 'connections', 'set up ms', 'writes per message', 'delay ms p50', 'p99', 'max', 'wait in the relay'].map((column) =>
          String(row[column] ?? ''),
        ),
      ),
    ),
    text(
      'The argument about costs is right and matters little: a relay needs fewer connections and twice the writes, and the delay that it adds stands in the table, to be held against the 167 ms between two ticks of the fastest machine. The argument about failure matters: when the relay ends, all machines are alone, and when a machine ends, two still talk. And the relay is a bottleneck by construction only when it is as slow as a machine, passing on one message a tick (`--relay-rate`): then its queue is what grows, and all clocks read old news.',
    ),
    heading('What failed, and why'),
    ...failedChecks(figures, steps),
  ];
}
