/**
 * Many machines are asked at once. Each answers in its own time; what is written is one machine behind the other. Who does not answer is named in the
 * report, and the rest of the answer is whole.
 */
import { Buffer } from 'node:buffer';
import { LogError } from '../../eventlog/log-error.ts';
import type { SearchRequest } from '../../query/index.ts';
import type { PartEnd, PartHead } from '../answer.ts';
import { encodeRequest } from '../encode-request.ts';
import type { Machine } from './machines.ts';
import { askMachine, type AskOptions, type MachineOutcome } from './one-machine.ts';
import { InOrder } from './in-order.ts';
import { InWindow } from './in-window.ts';
import { type EventWriter, type Sequence, Turns } from './turns.ts';

export interface PartReport extends PartHead, PartEnd {}

export interface MachineReport {
  readonly machine: Machine;
  /** What it calls itself, else what the list does. */
  readonly name: string;
  readonly parts: readonly PartReport[];
  readonly bytesReturned: number;
  readonly elapsedMs: number;
  /** Why its answer is not whole, as the end of a sentence; null when it is. */
  readonly problem: string | null;
  /** It was not asked for by name, and has no files of that name: no failure. */
  readonly isWithout: boolean;
}

export interface Report {
  readonly machines: readonly MachineReport[];
  readonly isSelected: boolean;
  /** Lines selected on all of them; null where somebody could not count. */
  readonly selected: number | null;
  readonly isComplete: boolean;
}

export interface AskAllOptions extends AskOptions {
  /** The machines were named one by one, not by default: each must have what is searched. */
  readonly areNamed: boolean;
  /** Of what is followed: how long lines are held to be put in order of time. */
  readonly windowMs: number;
  /** Told at once what a machine says for people. */
  readonly onNote: (machine: string, text: string) => void;
}

export async function askAll(
  machines: readonly Machine[],
  request: SearchRequest,
  options: AskAllOptions,
  write: EventWriter,
): Promise<Report> {
  const body = Buffer.from(JSON.stringify(encodeRequest(request)));
  const own = new AbortController();
  const signal = AbortSignal.any([options.signal, own.signal]);
  const turns = sequenceFor(request, machines.length, options, write);
  const names = new Map<string, Machine>();
  /** The question is answered, or cannot be. */
  let isAnswered = false;
  let refusal: LogError | null = null;

  const ask = async (machine: Machine, index: number): Promise<MachineReport> => {
    const startedMs = performance.now();
    const parts: PartReport[] = [];
    let name = machine.name ?? new URL(machine.origin).host;
    const heads: PartHead[] = [];
    let bytesReturned = 0;
    const outcome = await askMachine(
      machine,
      body,
      { ...options, signal },
      {
        head: (answer) => {
          name = answer.machine;
          const other = names.get(name);
          names.set(name, machine);
          if (other === undefined) {
            turns.begin(index);
            return null;
          }
          refusal ??= new LogError(
            'invalidRequest',
            `Cannot search: the machines at ${other.origin} and ${machine.origin} both call themselves "${name}", give each a --name of its own`,
          );
          own.abort();
          return 'its name is taken';
        },
        begin: (part) => {
          heads.push(part);
          void turns.give(index, { kind: 'part', head: part });
        },
        bytes: (piece) => {
          bytesReturned += piece.length;
          return turns.give(index, { kind: 'bytes', piece });
        },
        lines: (lines) => {
          for (const { bytes } of lines) bytesReturned += bytes.length;
          return turns.give(index, { kind: 'lines', lines, heads });
        },
        note: (text) => options.onNote(name, text),
        end: (end) => {
          const head = end.index === undefined ? heads.at(-1) : heads[end.index];
          if (head !== undefined) parts.push({ ...head, ...end });
          void turns.give(index, { kind: 'end', end });
          if (request.output.mode !== 'quiet' || !end.isSelected) return;
          isAnswered = true;
          own.abort();
        },
      },
    );
    turns.finish(index);
    const isWithout = !options.areNamed && outcome.kind === 'ended' && outcome.end.code === 'unknownFiles';
    const problem = isWithout || isAnswered ? null : problemOf(outcome, parts);
    // Who follows is told now, not when it ends.
    if (request.follow && problem !== null && !options.signal.aborted) options.onNote(name, problem);
    return { machine, name, parts, bytesReturned, elapsedMs: Math.round(performance.now() - startedMs), problem, isWithout };
  };

  const [reports] = await Promise.all([Promise.all(machines.map(ask)), turns.written()]);
  if (refusal !== null) throw refusal as LogError;
  return summarise(reports, request);
}

function sequenceFor(
  request: SearchRequest,
  machineCount: number,
  { windowMs, connectTimeoutMs }: AskAllOptions,
  write: EventWriter,
): Sequence {
  if (request.follow) return new InWindow(machineCount, windowMs, write);
  return request.order === 'time' ? new InOrder(machineCount, write) : new Turns(machineCount, connectTimeoutMs, write);
}

function problemOf(outcome: MachineOutcome, parts: readonly PartReport[]): string | null {
  if (outcome.kind !== 'ended') return outcome.reason;
  if (outcome.end.problem !== null) return outcome.end.problem;
  const broken = parts.filter(({ problem }) => problem !== null);
  const [first] = broken;
  if (first === undefined) return null;
  return `${first.name}: ${first.problem ?? ''}${broken.length > 1 ? `, and ${broken.length - 1} more files` : ''}`;
}

function summarise(machines: readonly MachineReport[], request: SearchRequest): Report {
  const parts = machines.flatMap((machine) => machine.parts);
  const counts = parts.map(({ selected }) => selected);
  const { mode } = request.output;
  const isCounted = (mode === 'lines' || mode === 'count') && !counts.includes(null);
  return {
    machines,
    isSelected: parts.some(({ isSelected }) => isSelected),
    selected: isCounted ? counts.reduce<number>((sum, count) => sum + (count ?? 0), 0) : null,
    isComplete: machines.every(({ problem }) => problem === null) && machines.some(({ isWithout }) => !isWithout),
  };
}
