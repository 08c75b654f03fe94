/**
 * `cairn node --spool`: the agent over this machine. Lines come from standard input or from a file that grows; `agent/` does the rest.
 */
import path from 'node:path';
import type { Readable } from 'node:stream';
import { Agent, type AgentCounters, type AgentFailure, hexOf, openSpool, type Spool, type SpoolFailure } from '../../agent/index.ts';
import { formatHostPort } from '../../base/host-port.ts';
import { LogError } from '../../eventlog/index.ts';
import { systemBytes } from '../../system/bytes.ts';
import { SystemClock } from '../../system/clock.ts';
import { SystemDisk } from '../../system/disk.ts';
import { systemRandom } from '../../system/random.ts';
import { makeFolder } from '../make-folder.ts';
import { folderReason, folderReasonOfText } from '../reasons.ts';
import { dialLogger } from './dial.ts';
import { Following, type FollowSettings } from './follow.ts';
import { LineBuffer, LineCollector } from './line-collector.ts';
import { machineName } from './machine-name.ts';

export interface SpoolingOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** The spool's folder, made when missing. */
  readonly spool: string;
  readonly spoolBytesMax: number;
  /** Send what is left under a new session: for one that the topic does not know any more. */
  readonly newSession: boolean;
  readonly source: { readonly kind: 'input'; readonly input: Readable } | ({ readonly kind: 'files' } & FollowSettings);
  /** Diagnostics, one line each. */
  readonly say: (line: string) => void;
  readonly interrupt: AbortSignal;
}

/** Resolves when the input has ended and everything is stored, or at the interrupt; rejects when it cannot go on. */
export async function runAgent(options: SpoolingOptions): Promise<AgentCounters> {
  const { host, port, say, interrupt, source } = options;
  const where = formatHostPort({ host, port });
  const disk = openFolder(options.spool);
  const spool = await opened(disk, options);
  sayRepairs(spool, options.spool, say);

  const { promise: outcome, resolve, reject } = Promise.withResolvers<void>();
  const agent: Agent = new Agent({
    host: { clock: new SystemClock(), random: systemRandom, bytes: systemBytes, disk },
    spool,
    dial: (handlers) => dialLogger(host, port, handlers),
    spoolBytesMax: options.spoolBytesMax,
    events: {
      full: () => say(`The spool ${options.spool} is full (${spool.sizeBytes} bytes): nothing more is read until events are stored`),
      room: () => taking.resume(),
      lost: (reason) => say(`Cannot reach the logger at ${where}: ${reason}; events are kept in ${options.spool} and sent when it answers`),
      found: () => say(`The logger at ${where} answers`),
      ahead: (byMs) =>
        say(`The clock of the logger at ${where} is ${(byMs / 1000).toFixed(1)} s ahead of the one here: its stamps are not followed`),
      done: () => resolve(),
      failed: (failure) => reject(explain(failure, where, options.spool)),
    },
  });
  let taking: Taking;
  try {
    taking = source.kind === 'input' ? takeInput(agent, source.input, reject) : takeFiles(agent, spool, source, say);
  } catch (error) {
    await new Promise<void>((closed) => agent.stop(closed));
    throw error;
  }
  interrupt.addEventListener('abort', () => resolve(), { once: true });
  if (interrupt.aborted) resolve();
  agent.start();
  try {
    await outcome;
  } finally {
    taking.stop();
    await new Promise<void>((closed) => agent.stop(closed));
  }
  return agent.counters;
}

interface Taking {
  readonly resume: () => void;
  readonly stop: () => void;
}

/** Standard input: read as fast as the spool takes it. */
function takeInput(agent: Agent, input: Readable, fail: (error: unknown) => void): Taking {
  const buffer = new LineBuffer();
  const lines = new LineCollector(buffer);
  input.on('data', (chunk: Buffer) => {
    lines.push(chunk);
    let hasRoom = true;
    for (const piece of buffer.take()) hasRoom = agent.push(piece.lines, piece.count);
    if (!hasRoom) input.pause();
  });
  input.on('end', () => {
    lines.end();
    for (const piece of buffer.take()) agent.push(piece.lines, piece.count);
    agent.end();
  });
  input.on('error', (error) => fail(new LogError('invalidRequest', `Cannot read standard input: ${error.message}`, {}, { cause: error })));
  return { resume: () => input.resume(), stop: () => input.destroy() };
}

/** Growing files, from where an earlier run stopped. They have no end. */
function takeFiles(agent: Agent, spool: Spool, settings: FollowSettings, say: (line: string) => void): Taking {
  const following = new Following(agent, spool.notes, settings, say);
  following.start();
  return { resume: () => following.resume(), stop: () => following.stop() };
}

function sayRepairs({ repairs: { cutBytes, emptySegments, leftOut } }: Spool, folder: string, say: (line: string) => void): void {
  if (cutBytes > 0) say(`The spool ${folder} ended with ${cutBytes} bytes that are no whole frame: they are cut off`);
  if (emptySegments > 0)
    say(
      `The spool ${folder} has ${emptySegments} segments without any event: an agent was stopped while it made them, or they are damaged`,
    );
  if (leftOut > 0) say(`The spool ${folder} has a gap: ${leftOut} events before it are left out, which may have been stored`);
}

function openFolder(folder: string): SystemDisk {
  try {
    // Synced with its parents: a spool without a name after a loss of power is no spool.
    makeFolder(folder, 0o700);
  } catch (error) {
    throw new LogError('dataUnusable', `Cannot use the spool ${folder}: ${folderReason(error)}`, {}, { cause: error });
  }
  return new SystemDisk(path.resolve(folder));
}

function opened(disk: SystemDisk, { name, spool, spoolBytesMax, newSession: isSessionForced }: SpoolingOptions): Promise<Spool> {
  const newSession = hexOf(systemRandom.bytes(16));
  return new Promise((resolve, reject) => {
    const of = { name: new Uint8Array(Buffer.from(name)), newSession, isSessionForced, bytesMax: spoolBytesMax, machine: machineName() };
    openSpool({ disk, bytes: systemBytes }, of, (result) => {
      if (result.ok) resolve(result.value);
      else reject(storageError(spool, result.error));
    });
  });
}

function storageError(folder: string, failure: SpoolFailure): LogError {
  if (failure.kind === 'name') {
    const other = Buffer.from(failure.name).toString();
    return new LogError('dataInUse', `Cannot use the spool ${folder}: it belongs to the node ${JSON.stringify(other)}`);
  }
  if (failure.kind === 'copied') {
    return new LogError(
      'wrongIdentity',
      `Cannot use the spool ${folder}: it was begun on another machine or in another folder, and is a copy; run here with --new-session it sends what is in it under a session of its own, and may double what the other one has sent`,
    );
  }
  if (failure.kind === 'corrupt') {
    const { path: file, position, expected, found } = failure.corruption;
    const what = `${file} is damaged at byte ${position}: expected ${expected}, found ${found}`;
    return new LogError('corruptData', `Cannot use the spool ${folder}: ${what}; move it away to begin a new one`);
  }
  const { code, operation, reason } = failure.error;
  if (code === 'locked') return new LogError('dataInUse', `Cannot use the spool ${folder}: another agent uses it (${reason})`);
  const isOpening = operation === 'open' || operation === 'lock' || operation === 'list';
  return new LogError(isOpening ? 'dataUnusable' : 'diskFailed', `Cannot use the spool ${folder}: ${folderReasonOfText(reason)}`);
}

function explain(failure: AgentFailure, where: string, folder: string): LogError {
  switch (failure.kind) {
    case 'notAcknowledged':
      return new LogError('notAcknowledged', `Cannot spool to ${where}: the logger does not acknowledge`);
    case 'refused':
      return new LogError(
        'unknownProducer',
        `Cannot go on with the spool ${folder}: ${failure.reason}; --new-session sends what is left under a new session, and may double what was stored without our hearing of it`,
      );
    case 'behind':
      return new LogError(
        'wrongIdentity',
        `Cannot go on with the spool ${folder}: the topic has ${failure.topicHas} events of its session and it knows of ${failure.spoolHas}, so it is a copy of an older state; --new-session begins a new session with what is in it`,
      );
    case 'foreign':
      return new LogError(
        'wrongIdentity',
        `Cannot go on with the spool ${folder}: the topic has ${failure.topicHas} events of its session and it has sent ${failure.sent}, so another agent sends from a copy of it; --new-session sends what is left here under a new session`,
      );
    case 'storage':
      return storageError(folder, failure.failure);
  }
}
