/** An error as a person reads it: what was not done and why, its code in parentheses, and what to do next; or as a program does, as an object. */
import { errorCatalogue } from '../base/errors.ts';
import { escapeControls, escapeJson } from '../base/escape.ts';
import type { LogError } from '../eventlog/log-error.ts';
import type { CliIo } from './io.ts';

/**
 * @param typed what was typed behind `cairn`
 * @param command the command that is meant by it; null where it is none
 */
export function reportError(error: LogError, typed: readonly string[], command: string | null, io: CliIo): void {
  // A message may quote what the user typed or what a broker sent, and stays one line.
  io.stderr.write(isJson(typed) ? `${errorJson(error, command)}\n` : `${errorText(error, command)}\n`);
}

const isJson = (typed: readonly string[]): boolean => {
  const end = typed.indexOf('--');
  return (end === -1 ? typed : typed.slice(0, end)).includes('--json');
};

/** As HTTP answers it, with what to do next. */
function errorJson(error: LogError, command: string | null): string {
  const { code, message, definite, retriable, details } = error;
  const { next: _next, ...facts } = details;
  return escapeJson(JSON.stringify({ error: { ...facts, code, message, definite, retriable, next: nextStep(error, command) } }));
}

/** One line, without its end. */
export function errorText(error: LogError, command: string | null): string {
  const { code } = error;
  const message = escapeControls(error.message);
  const step = nextStep(error, command);
  const next = step === null ? null : escapeControls(step);
  // Whoever interrupts it knows why it ended.
  if (code === 'interrupted') return next === null ? message : `${message}. ${next}`;
  return next === null ? `${message} (${code})` : `${message} (${code}). ${next}`;
}

/** A sentence; null where there is nothing to be done. */
function nextStep({ code, message, details, cause }: LogError, command: string | null): string | null {
  if (typeof details['next'] === 'string') return details['next'];
  const { remedy } = errorCatalogue[code];
  switch (code) {
    case 'interrupted':
      return null;
    case 'usage':
      return `See \`cairn ${command === null ? '' : `${command} `}--help\`.`;
    case 'unreachable':
      return unreachableStep(cause) ?? remedy;
    case 'unknownTopic':
      return remedy.replace('NAME', nameIn(message, 'topic'));
    case 'unknownPublisher':
      return remedy.replace('NAME', nameIn(message, 'publisher'));
    case 'unknownSubscriber':
      return remedy.replace('NAME', nameIn(message, 'subscriber'));
    default:
      return remedy;
  }
}

/** The cause is the client's `TransportError`, which is not loaded for this. */
function unreachableStep(cause: unknown): string | null {
  const failure = (cause as { readonly failure?: string } | undefined)?.failure;
  if (failure === 'untrusted') return 'Name the certificates to trust with --ca-file.';
  // Somebody is there: starting brokers would not help.
  return failure === 'other' ? 'See `cairn help unreachable`.' : null;
}

/** Where a command could be typed with it as it is. */
const nameIn = (message: string, kind: string): string => new RegExp(`${kind} "([\\w.-]+)"`).exec(message)?.[1] ?? 'NAME';
