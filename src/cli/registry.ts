import type { CommandEntry } from './command.ts';

/** Every command, in the order of `cairn help`. */
export const registry: readonly CommandEntry[] = [
  { name: 'up', summary: 'start brokers on this machine and keep them running', load: () => import('./up.ts') },
  { name: 'serve', summary: 'run one broker, or a server that only answers searches', load: () => import('./serve.ts') },
  { name: 'append', aliases: ['produce'], summary: 'append records to a topic', load: () => import('./append.ts') },
  { name: 'read', aliases: ['consume'], summary: 'print the records of topics', load: () => import('./read.ts') },
  { name: 'tail', summary: 'print the last records of topics', load: () => import('./tail.ts') },
  {
    name: 'grep',
    summary: 'search files on many machines, as grep does',
    load: () => import('./grep/index.ts'),
    loadRun: async () => (await import('./grep/run.ts')).run,
  },
  { name: 'publisher', summary: 'create, list, describe or delete publishers', load: () => import('./publisher.ts') },
  { name: 'publish', summary: 'append records to a topic as a publisher', load: () => import('./publish.ts') },
  { name: 'subscriber', summary: 'create, list, describe or delete subscribers', load: () => import('./subscriber.ts') },
  { name: 'subscribe', summary: 'subscribe a subscriber to a topic, or to a pattern of names', load: () => import('./subscribe.ts') },
  { name: 'unsubscribe', summary: 'end a subscription, its cursor with it', load: () => import('./unsubscribe.ts') },
  { name: 'pull', summary: 'print what is new to a subscriber', load: () => import('./pull.ts') },
  { name: 'ack', summary: 'acknowledge what a subscriber has processed', load: () => import('./ack.ts') },
  { name: 'nack', summary: 'say that a subscriber could not process a record', load: () => import('./nack.ts') },
  { name: 'parked', summary: 'list, show, replay or drop records that have failed too often', load: () => import('./parked.ts') },
  { name: 'seek', summary: 'put a cursor of a subscriber elsewhere', load: () => import('./seek.ts') },
  { name: 'scheduled', summary: 'list or cancel what is appended later', load: () => import('./scheduled.ts') },
  { name: 'topic', summary: 'create, list, describe, alter or delete topics', load: () => import('./topic.ts') },
  { name: 'ls', summary: 'list the topics', load: () => import('./ls.ts') },
  { name: 'explain', summary: 'say where a topic is kept, and why', load: () => import('./explain.ts') },
  { name: 'status', summary: 'show the brokers: who leads, who lags, who is missing', load: () => import('./status.ts') },
  { name: 'logger', summary: 'take lines from many nodes, print them and measure their delays', load: () => import('./logger.ts') },
  { name: 'node', summary: 'send lines to a logger', load: () => import('./node.ts') },
  { name: 'generate', summary: "print events as the course's generator does", load: () => import('./generate.ts') },
  { name: 'plot', summary: 'draw bandwidth and delay of what a logger measured', load: () => import('./plot.ts') },
  { name: 'top', summary: 'show live what a logger measures', load: () => import('./top.ts') },
  { name: 'tour', summary: 'watch the log survive the death of its leader, on brokers of its own', load: () => import('./tour.ts') },
  { name: 'trace', summary: 'what brokers did and told one another: collect it, draw it', load: () => import('./trace.ts') },
  { name: 'skew', summary: 'measure how far the clocks of the brokers are apart', load: () => import('./skew.ts') },
  {
    name: 'fault',
    summary: 'make faults on purpose: a broker that acts as crashed, links that are silent, cut or slow',
    load: () => import('./fault.ts'),
  },
  { name: 'sim', summary: 'run simulated brokers under faults and check every promise', load: () => import('./sim.ts') },
  { name: 'bench', summary: 'measure appends next to what the disk allows', load: () => import('./bench.ts') },
  { name: 'lab', summary: 'run an experiment and leave a report', load: () => import('./lab.ts') },
  { name: 'context', summary: 'give clusters names, and say which one is meant', load: () => import('./context.ts') },
  { name: 'completion', summary: 'print a completion script for bash, zsh or fish', load: () => import('./completion.ts') },
  { name: 'help', summary: 'explain a command, the exit codes or an error code', load: () => import('./help.ts') },
];

/** The command that is meant by a word that was typed. */
export const commandNamed = (word: string | undefined): CommandEntry | null =>
  registry.find(({ name, aliases = [] }) => name === word || aliases.includes(word ?? '')) ?? null;
