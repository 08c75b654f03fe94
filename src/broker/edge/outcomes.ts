/**
 * How whoever leads a group answers for what it keeps: `{"ok":true,"value":...}` or `{"ok":false,"code":...,"message":...,"details":...}` as JSON text. The batches of
 * a pull travel beside the text, which says how many belong to each part.
 */
import { type ErrorCode, errorCatalogue } from '../../base/errors.ts';
import { LogError, type Outcome, type PulledPart, type PullResult } from '../../eventlog/index.ts';

type Fields = Readonly<Record<string, unknown>>;
type SentPart = Omit<PulledPart, 'batches'> & { readonly batches: number };

export function encodeOutcome(outcome: Outcome<unknown>): { readonly json: string; readonly batches: readonly Uint8Array[] } {
  if (!outcome.ok) {
    const { code, message, details } = outcome.error;
    return { json: JSON.stringify({ ok: false, code, message, details }), batches: [] };
  }
  const { value } = outcome;
  if (!isPulled(value)) return { json: JSON.stringify({ ok: true, value: value ?? null }), batches: [] };
  const parts = value.parts.map((part): SentPart => ({ ...part, batches: part.batches.length }));
  return { json: JSON.stringify({ ok: true, value: { ...value, parts } }), batches: value.parts.flatMap((part) => part.batches) };
}

const isPulled = (value: unknown): value is PullResult => isObject(value) && Array.isArray(value['parts']);

/** Null for what is no answer. */
export function decodeOutcome(text: string, batches: readonly Uint8Array[]): Outcome<unknown> | null {
  const said = parse(text);
  if (!isObject(said)) return null;
  if (said['ok'] !== true) {
    const { code, message, details } = said;
    if (typeof code !== 'string' || typeof message !== 'string' || !isObject(details)) return null;
    const known = Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'internal';
    return { ok: false, error: new LogError(known, message, details as LogError['details']) };
  }
  const { value } = said;
  if (!isObject(value) || !Array.isArray(value['parts'])) return { ok: true, value: value ?? undefined };
  let at = 0;
  const parts = (value['parts'] as readonly SentPart[]).map((part) => {
    const from = at;
    at += part.batches;
    return { ...part, batches: batches.slice(from, at) };
  });
  return { ok: true, value: { ...value, parts } };
}

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
