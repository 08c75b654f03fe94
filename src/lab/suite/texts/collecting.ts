import { type Block, graph, heading, list, table, text } from '../../report/blocks.ts';
import { shown } from '../../report/index.ts';
import type { Figures } from '../figures.ts';
import { collecting as beside, students } from '../published.ts';
import { commandsOf, failedChecks, provenance } from './parts.ts';

const steps = ['collect-small', 'collect-large'] as const;

/** Contract 1. */
export function collecting(figures: Figures): readonly Block[] {
  const published = beside(figures);
  const large = students[1];
  const total = (step: string): Readonly<Record<string, string | number | boolean | null>> | undefined => figures.rows(step)[0];
  const negative = steps.reduce((sum, step) => sum + (figures.value(total(step), 'negative') ?? 0), 0);
  return [
    heading('What was built'),
    text(
      'A *node* reads lines from its standard input and sends them over one TCP connection to a *logger*, which prints each of them with the name of its node, flushed at once.',
      'On the wire there is a line with the name, and then the lines as the generator wrote them. So nothing is parsed and printed again: the time that an event bears reaches the output as the same text, whose width varies, and `nc` can be a node.',
      'The logger takes complete lines out of whatever a read brought, be it a part of a line or forty of them, prints what one read brought with one write, and treats a reset as a disconnection.',
    ),
    text(
      'The whole is one program: the same logger can store each line as a record of a replicated topic, and a node with a spool then loses nothing when node, logger or broker is killed. That is not measured here; `cairn lab collect --kills 100` does it.',
    ),
    heading('How the delay is measured'),
    text(
      "The delay of an event is the logger's clock just before the line is printed, less the time stamp that the event bears. It is the sum of the pipe from the generator into the node, the node's read and write, the network, the logger's read, and the wait for whatever lines came in the same read before this one.",
      'Delays of a fifth of a millisecond cannot be seen with a clock that counts milliseconds. The logger takes the monotonic clock, anchored to the wall clock at the start and again when the two are more than 2 ms apart, and prints six decimals.',
    ),
    list(
      'For each second of the run, counted from the first connection, there is a row in a file beside the output: events, bytes, and the least, median, 90th percentile and greatest delay. The percentiles are by nearest rank over all delays of that second, so each is a delay that was measured.',
      'A row is appended whole within 100 ms of the end of its second. A logger that is killed loses the last second at most.',
      'A second without events has no delay. The file says `null`, and the graph shows 0, as the assignment asks. Such seconds are not counted when the medians of the seconds are summed up in the tables.',
      'Where the clocks of two machines differ, so does the delay, by as much. A negative delay is shown as what it is and counted for each node, never cut off at zero.',
      'A line whose first field is not a number has no delay and is counted apart.',
    ),
    heading('How the bandwidth is measured'),
    text(
      'All bytes that a connection brought in a second are counted when they are read, those of the name and of the newlines too, and are shown as bits a second. The bytes of the headers of TCP and IP are not seen by a program and are not in it.',
      'The sum over the file is compared with the size of what the nodes were given: that is one of the checks below.',
    ),
    heading('Figures'),
    ...provenance(figures, steps),
    ...commandsOf(figures, steps),
    table(published.head, published.rows),
    text(
      `The 90th percentile of the larger scenario is ${figures.text(total('collect-large'), 'p90 ms')} ms here and ${large.p90} ms in the best published report, and the greatest delay of all ${figures.text(total('collect-large'), 'max ms')} ms against ${large.max} ms.`,
      'The comparison is not of like with like: there each node had a virtual machine of its own and a network between, here generators, nodes and logger are processes that share one machine, and the network is the loopback.',
      `Events with a negative delay: ${negative}; all processes share one clock.`,
    ),
    graph('collect-large', 'collect-delay', 'Delay by second, 8 nodes of 5 Hz'),
    graph('collect-large', 'collect-bandwidth', 'Bandwidth by second, 8 nodes of 5 Hz'),
    graph('collect-small', 'collect-delay', 'Delay by second, 3 nodes of 2 Hz'),
    graph('collect-small', 'collect-bandwidth', 'Bandwidth by second, 3 nodes of 2 Hz'),
    heading('What the graphs show'),
    text(
      'The generator waits an exponential time between two events. So the bandwidth is not a flat line but that of a Poisson process: with an average of forty events a second, a deviation of six or seven is what chance alone makes.',
      `The mean is ${shown(figures.value(total('collect-large'), 'kbps'))} kbps, where forty lines of 84 bytes a second make ${large.kbps}.`,
    ),
    text(
      'The median is a property of the program: the way of one line through two processes that are idle. The maximum is a property of the machine: one event that came while the processor did something else, such as compiling or collecting garbage in one of the processes, most often in the first seconds. For this reason the assignment asks for four curves, not for a mean, which one such event would move.',
    ),
    heading('What failed, and why'),
    ...failedChecks(figures, steps),
    text(
      'One defect was found by looking at the graph of the larger scenario: on a busy machine an event of the same machine had a delay of -2.2 ms, and medians moved by 0.2 ms. The precise clock reads two clocks one after the other, took a pause of its process between the two readings for a wall clock that had been set, and was wrong by up to 3 ms from then on. It now looks again before it believes that ([defects](../testing/defects.md), 2026-11-21).',
    ),
  ];
}
