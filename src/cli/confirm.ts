import { LogError } from '../eventlog/log-error.ts';
import type { CliIo } from './io.ts';

export interface YesOption {
  readonly yes?: boolean;
}

/** Somebody sits in front of it who can answer, and has not answered by --yes. */
export const isAsked = ({ yes = false }: YesOption, io: CliIo): boolean => !yes && io.stdin.isTTY === true && io.stderr.isTTY === true;

/**
 * Asks a person at a terminal before something is lost, unless --yes was typed; a script is not asked, it has decided.
 * @param what what will be lost, as a sentence without its full stop
 * @param otherwise what is said where the answer is no
 */
export async function confirmLoss(what: string, otherwise: string, options: YesOption, io: CliIo): Promise<void> {
  if (isAsked(options, io) && !(await ask(what, io))) throw new LogError('interrupted', otherwise);
}

/** @param what what will be done, as a sentence without its full stop */
export async function ask(what: string, io: CliIo): Promise<boolean> {
  io.stderr.write(`${what}. Go on? [y/N] `);
  for await (const chunk of io.stdin) return /^y(es)?\s*$/i.test(String(chunk).trim());
  return false;
}

export const yesHelp = 'do not ask before something is lost';
