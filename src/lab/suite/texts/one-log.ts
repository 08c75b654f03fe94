import { type Block, graph, heading, list, table, text } from '../../report/blocks.ts';
import { missing } from '../../report/index.ts';
import type { Figures } from '../figures.ts';
import { scenarios as beside } from '../published.ts';
import { commandsOf, failedChecks, provenance } from './parts.ts';

const steps = [0, 1, 2, 3, 4].map((scenario) => `consistency-${scenario}`);

/** Contract 2: about 1,200 words. */
export function oneLog(figures: Figures): readonly Block[] {
  const published = beside(figures);
  const runs = steps.flatMap((id) => figures.rows(id).filter(({ seed }) => seed !== 'all'));
  const of = (verdict: RegExp): number => runs.filter((row) => verdict.test(String(row['verdict']))).length;
  const chaos = (name: string): string => figures.check('chaos', name)?.got ?? missing;
  return [
    heading('The problem'),
    text(
      'Several servers must keep one log: whichever is asked, now or after crashes, shows the same entries in the same order, though not necessarily that in which they were sent. This is consensus on each place of the log. Once an entry has been acknowledged, no later leader may put another one there.',
    ),
    heading('The choice of an algorithm'),
    text(
      'Paxos [1] solves consensus for one value in two rounds: a proposer asks a majority what it has accepted, and then has a value accepted. Multi-Paxos repeats this for each place of a log, the first round being done once by a leader for all later places; [3] spells out what that leaves open.',
      'Raft [2] makes of the same idea an algorithm that can be built as it is written. Entries flow from the leader only, and only a server whose log is at least as new as that of a majority can be elected. In exchange no log has holes, and a new leader need not learn old entries from others.',
    ),
    text(
      'We chose Raft. Its subject is a log, so it needs no translation. Its rules can be written as a pure function: one input in, and out comes what to write, what to send at once and what only after the write. And each rule can have a test that names its section in [2] or [4].',
      'Multi-Paxos accepts entries out of order and need not wait after a lost message; with five servers this is worth little. Viewstamped Replication [5] elects by turns, and so may choose a leader that must first fetch the log.',
    ),
    heading('How the log stays consistent'),
    list(
      'Any server takes a `PUT`, gives it an id and hands it to the leader. The leader appends the entry, sends it to all, and counts it committed when a majority has it. Only then is the client answered.',
      'A server votes only for one whose log is at least as new as its own. Two majorities share a server, so every new leader has all that was committed. An entry of an earlier term counts as committed only when one of the own term has been (section 5.4.2 of [2]).',
      'Followers take an entry only when the one before it is the same, by index and term. What disagrees with the leader is cut off. So logs that agree at one place agree before it.',
      'A server asks whether it would be elected before it begins a new term (pre-vote, [4]): one that comes back from a crash does not depose a leader that works.',
      'The file shows committed entries only, and followers hear of the commit point even when no new entry comes.',
    ),
    text(
      "The course's client has two peculiarities. It takes any answer for a success, even an error; so a write that is not committed is never answered, and its connection is closed without a byte. And when it has given up after five seconds the entry must be in no log, since the comparer wants equal sets.",
      'But no clock can take back an entry that some leader has appended, for a later leader may commit it. Therefore a server that gives up, after four seconds or because it was crashed, appends a *revocation* of the id, and tries until it is in the log. The log decides: an entry whose revocation comes first is refused, and one that comes before it is left out of the file. Entries sent twice after a change of leader are recognised by their ids.',
    ),
    text(
      'A crash is kept to: no byte, heartbeat, vote or forwarded request leaves a crashed server until it is told to recover. It keeps its memory and comes back as a follower. Servers speak over the network only; the file is written at the end and never read.',
    ),
    heading('Strengths'),
    list(
      'It needs a majority and nothing else: no common clock, no reliable network. Of five servers any two may be gone.',
      'A write costs one round to the nearer half of the servers. A slow follower holds nobody up.',
      'An election takes far less than the five seconds that the client waits: a `PUT` that meets a dead leader is late, not lost.',
      ...(figures.lab('chaos') === null
        ? []
        : [
            `The same core passes harder tests. In the chaos experiment of this report processes with real disks are killed and cut off under load: acknowledged by a minority ${chaos('acknowledged by a minority')}, stale linearizable reads ${chaos('stale linearizable reads')}, of ${chaos('faults injected')} faults.`,
          ]),
    ),
    heading('Scenarios'),
    ...provenance(figures, steps),
    ...commandsOf(figures, steps),
    text(
      "The experiment restates the course's client and comparer and runs them against five real server processes, started as `run.sh` starts them. The client's pauses are divided by what `--speed` says, if it is there.",
      `Runs: ${runs.length}. Success: ${of(/^Success/)}. Failure that the test itself causes: ${of(/excused/)}. Failure that nothing excuses: ${of(/^Failure$/)}.`,
    ),
    table(published.head, published.rows),
    ...failures(figures),
    graph('consistency-4', 'longest-answer', 'How long the slowest put of each run took, scenario 4'),
    text(
      "**Why a Failure can be nobody's fault.** The crash threads go on to the end, and `/exit` comes to one server after another, crashed or not. One that has been crashed while entries were committed cannot know them, its file is shorter, and the comparer says Failure. So even a perfect server does not always succeed; the table has what it reaches, found by running the same client against one in simulated time.",
      'Such a Failure is excused only when all else is right: some log holds exactly what was acknowledged, the shorter one is its beginning, and each entry missing was acknowledged during that very crash.',
    ),
    text(
      '**Warnings** are puts answered by a server that one crash thread believes crashed, because another had recovered it; the server can neither cause nor avoid them. A server that refuses every write would get Success, so the puts answered stand beside the verdict. *Not started* are puts to a server that did not listen yet: the client begins two seconds after the servers, however busy the machine is.',
    ),
    heading('What failed, and why'),
    ...failedChecks(figures, steps),
    text(
      'On the way the experiment found real defects ([all of them](../testing/defects.md)). A crashed server refused its own process too, so `/exit` left no file. A `/crash` during `/exit` cut off the answer, and the process stayed for ever. A server that recovered heard what it had missed only with the next heartbeat, so a quick `/exit` found a short log; now a link that stands makes the leader look at once.',
    ),
    text(
      'Three weaknesses remain. All writes go through one leader, whose disk and network bound the whole. After its crash nothing is written until another is elected. And when a majority is gone the log stands still: it chooses consistency over availability, as whoever promises it must [6].',
    ),
    heading('References'),
    list(
      '[1] L. Lamport, "Paxos made simple," *ACM SIGACT News*, vol. 32, no. 4, pp. 51–58, 2001.',
      '[2] D. Ongaro and J. Ousterhout, "In search of an understandable consensus algorithm," in *Proc. USENIX Annual Technical Conference (ATC)*, 2014, pp. 305–319.',
      '[3] R. van Renesse and D. Altinbuken, "Paxos made moderately complex," *ACM Computing Surveys*, vol. 47, no. 3, art. 42, pp. 1–36, 2015.',
      '[4] D. Ongaro, "Consensus: Bridging theory and practice," Ph.D. dissertation, Dept. Comput. Sci., Stanford Univ., Stanford, CA, USA, 2014.',
      '[5] B. Liskov and J. Cowling, "Viewstamped replication revisited," MIT, Cambridge, MA, USA, Tech. Rep. MIT-CSAIL-TR-2012-021, 2012.',
      '[6] S. Gilbert and N. Lynch, "Brewer\'s conjecture and the feasibility of consistent, available, partition-tolerant web services," *ACM SIGACT News*, vol. 33, no. 2, pp. 51–59, 2002.',
    ),
  ];
}

/** Every Failure by itself, with its cause as the comparer of the experiment found it. */
function failures(figures: Figures): readonly Block[] {
  const items = steps.flatMap((id, scenario) =>
    figures
      .rows(id)
      .filter(({ seed, verdict }) => seed !== 'all' && verdict !== 'Success')
      .map((row) => `Scenario ${scenario}, seed ${String(row['seed'])}, ${String(row['verdict'])}: ${String(row['why'])}.`),
  );
  if (items.length === 0) return [];
  return [text('The cause of each Failure:'), list(...items)];
}
