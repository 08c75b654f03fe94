// One simulated run of an agent: a source of numbered lines, kills of the agent (with and without its power), kills and absences of the gateway.
import { Agent, type AgentFailure, hexOf, openSpool, type Spool } from '../../../src/agent/index.ts';
import type { Host } from '../../../src/host/index.ts';
import { World } from '../../../src/sim/world.ts';
import { ModelLogger } from './model-logger.ts';

export interface AgentRunOptions {
  readonly seed: number;
  readonly lines: number;
  readonly agentKills: number;
  readonly loggerKills: number;
  /** The logger is away for so long, once. */
  readonly awayMs?: number;
  readonly spoolBytesMax?: number;
  readonly sessionEventsMax?: number;
  /** The share of connections to a gateway of before `cairn/2`; one in four. */
  readonly oldShare?: number;
}

export interface AgentRunResult {
  readonly expected: readonly string[];
  readonly stored: readonly string[];
  readonly failures: readonly AgentFailure[];
  readonly lives: number;
  readonly sessions: number;
  readonly timesFull: number;
  readonly isDone: boolean;
  /** Messages with stamps that came. */
  readonly stamps: number;
  /** Sessions that began in each version of the protocol. */
  readonly begun: { readonly 1: number; readonly 2: number };
}

const feedEveryMs = 5;

export function runAgentWorld(options: AgentRunOptions): AgentRunResult {
  const failures: AgentFailure[] = [];
  const world = new World({
    seed: options.seed,
    clockSkewMsMax: 0,
    clockDriftMax: 0.001,
    inMemory: false,
    onException: (_machine, error) => {
      throw error;
    },
    onTrapped: () => undefined,
  });
  const { scheduler, random } = world;
  const machine = world.addMachine(1);
  const logger = startLogger(world, options.oldShare ?? 0.25);
  const source = Array.from({ length: options.lines }, (_, index) => `${index} ${'x'.repeat(random.below(40))}`);
  let lives = 0;
  let timesFull = 0;
  let isDone = false;
  let isEnding = false;

  /** What `cairn node --tail` does: reads on from the position that the spool has. */
  const live = (host: Host): void => {
    lives++;
    const newSession = hexOf(host.random.bytes(16));
    const name = host.bytes.utf8Encode('n');
    openSpool(
      { disk: host.disk, bytes: host.bytes },
      { name, newSession, bytesMax: options.spoolBytesMax ?? 2 ** 20, machine: '' },
      (opened) => {
        if (!opened.ok) throw new Error(`the spool does not open: ${JSON.stringify(opened.error)}`);
        begin(host, opened.value);
      },
    );
  };
  const begin = (host: Host, spool: Spool): void => {
    const process = machine.process;
    if (process === null) return;
    let at = Number(spool.notes.get('source') ?? 0);
    let isFeeding = false;
    const agent = new Agent({
      host,
      spool,
      dial: (handlers) => logger.dial(handlers, (delayMs, run) => void process.schedule(delayMs, 'network', run)),
      spoolBytesMax: options.spoolBytesMax ?? 2 ** 20,
      ...(options.sessionEventsMax === undefined ? {} : { sessionEventsMax: options.sessionEventsMax }),
      events: {
        full: () => void timesFull++,
        room: () => feed(),
        lost: () => undefined,
        found: () => undefined,
        ahead: () => undefined,
        done: () => {
          isDone = true;
        },
        failed: (failure) => void failures.push(failure),
      },
    });
    const feed = (): void => {
      if (isFeeding || failures.length > 0) return;
      isFeeding = true;
      host.clock.startTimer(random.chance(0.5) ? 0 : feedEveryMs, () => {
        isFeeding = false;
        const to = Math.min(source.length, at + 1 + random.below(20));
        if (to === at) {
          // Only the last life may end: one that was killed after its end would have nothing to do.
          if (isEnding) agent.end();
          else feed();
          return;
        }
        const lines = source.slice(at, to);
        at = to;
        const hasRoom = agent.push(host.bytes.utf8Encode(lines.map((line) => `${line}\n`).join('')), lines.length, [
          ['source', String(at)],
        ]);
        if (hasRoom) feed();
      });
    };
    feed();
    agent.start();
  };

  world.start(machine, live);
  const spanMs = Math.max(2_000, (options.lines / 10) * feedEveryMs * 1.5);
  for (let i = 0; i < options.agentKills; i++) {
    scheduler.schedule(random.float() * spanMs, 'fault', 1, () => {
      if (machine.process === null) return;
      world.kill(machine, random.chance(0.5));
      scheduler.schedule(random.float() * 50, 'lifecycle', 1, () => void (machine.process === null && world.start(machine, live)));
    });
  }
  for (let i = 0; i < options.loggerKills; i++) scheduler.schedule(random.float() * spanMs, 'fault', 0, () => logger.kill());
  if (options.awayMs !== undefined) {
    scheduler.schedule(spanMs / 4, 'fault', 0, () => {
      logger.isAway = true;
      logger.kill();
    });
    scheduler.schedule(spanMs / 4 + options.awayMs, 'fault', 0, () => {
      logger.isAway = false;
    });
  }
  scheduler.runUntil(spanMs + (options.awayMs ?? 0), () => failures.length > 0);
  isEnding = true;
  scheduler.runUntil(scheduler.nowMs + 120_000, () => isDone || failures.length > 0);
  let stored: readonly string[] = [];
  logger.stored((lines) => {
    stored = lines;
  });
  scheduler.runUntil(scheduler.nowMs + 1_000, () => stored.length > 0);
  const { sessions, stamps, begun } = logger;
  return { expected: source, stored, failures, lives, sessions: sessions.size, timesFull, isDone, stamps, begun };
}

/** On a machine that stays: what a kill costs the logger is its connections and all that it remembers. */
function startLogger(world: World, oldShare: number): ModelLogger {
  const { scheduler, random } = world;
  const started: ModelLogger[] = [];
  world.start(world.addMachine(2), (host) => void started.push(new ModelLogger(host, scheduler, random.fork(), oldShare)));
  scheduler.runUntil(scheduler.nowMs + 1_000, () => started.length > 0);
  const [logger] = started;
  if (logger === undefined) throw new Error('the machine of the logger does not start');
  return logger;
}
