import type { Corruption, OpenFailure, ReadFailure } from './contract.ts';

/** What happened, and where, as the end of a sentence. */
export function describeFailure(failure: OpenFailure | ReadFailure): string {
  if (failure.kind === 'corrupt') return describeCorruption(failure.corruption);
  if (failure.kind === 'belowLogStart') return 'its oldest records were removed meanwhile';
  if (failure.kind === 'closed') return 'it was closed meanwhile';
  const { operation, path, reason } = failure.error;
  return `${operation} of ${path} failed: ${reason}`;
}

const describeCorruption = ({ path, position, expected, found }: Corruption): string =>
  `${path} is damaged at ${position}: expected ${expected}, found ${found}; restore the file from a copy, the other brokers go on without this one`;
