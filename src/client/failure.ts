/** What Node says of a connection that fails, in words. */
import { certificateRefusal } from '../base/certificate-refusals.ts';

/**
 * What a person can do about it: `away`, nobody is there; `untrusted`, the certificate is not one of those that are trusted; `other`, the place is right
 * and something else is wrong.
 */
export type TransportFailure = 'away' | 'untrusted' | 'other';

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection broke before the answer came',
  EPIPE: 'the connection broke before the answer came',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name cannot be looked up now',
  EHOSTUNREACH: 'the machine cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'the connection timed out',
  EACCES: 'not permitted',
  EADDRNOTAVAIL: 'no local address is free',
  EPROTO: 'it does not speak TLS as we do, is it http?',
  HPE_INVALID_CONSTANT: 'it does not speak HTTP, or wants https',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS, is it http?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS, is it http?',
};

const untrusted: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);
const away: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

export function failureOf(error: unknown): TransportFailure {
  if (error instanceof AggregateError && error.errors.length > 0) return failureOf(error.errors[0]);
  const { code = '' } = error as NodeJS.ErrnoException;
  return untrusted.has(code) ? 'untrusted' : away.has(code) ? 'away' : 'other';
}

/** The end of a sentence. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A name with several addresses fails with one error for each.
  if (error instanceof AggregateError && error.errors.length > 0) return describeFailure(error.errors[0]);
  const { code = '' } = error as NodeJS.ErrnoException;
  return reasons[code] ?? certificateRefusal(code) ?? (error.message.split('\n', 1)[0] as string);
}

export const formatSeconds = (ms: number): string => `${Number((ms / 1000).toFixed(3))} s`;
