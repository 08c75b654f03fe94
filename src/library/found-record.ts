import { LogRecord } from './log-record.ts';

/** A record that a search found. */
export class FoundRecord extends LogRecord {
  /** It did not match, and stands near one that does. */
  readonly isContext: boolean;
  /** Where in the value, in bytes: [from, to). */
  readonly matches: readonly (readonly [from: number, to: number])[];

  /** @internal */
  constructor(record: LogRecord, isContext: boolean, matches: FoundRecord['matches']) {
    super(record);
    this.isContext = isContext;
    this.matches = matches;
  }
}
