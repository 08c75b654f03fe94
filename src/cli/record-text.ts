/** How records are printed: the options that say it, and what they make of a record. */
import { Buffer } from 'node:buffer';
import type { Command } from 'commander';
import { LogError } from '../eventlog/log-error.ts';
import type { LogRecord } from '../library/index.ts';
import { dateOf, headersText, keyText, recordJson, valueBytes } from './record-fields.ts';
import { fillIn, formatRule, parseFormat, type RecordTemplate } from './record-format.ts';

export interface RecordFormat {
  /** The bytes as they are. */
  readonly raw?: boolean;
  readonly json?: boolean;
  readonly format?: RecordTemplate;
  readonly timestamps?: boolean;
  readonly logTimes?: boolean;
  readonly keys?: boolean;
  readonly headers?: boolean;
}

/** Which of them JSON has in front, and whether a column says the topic. */
export interface RecordPlaces {
  readonly json: readonly ('topic' | 'partition')[];
  readonly withTopic: boolean;
}

export function addFormatOptions(command: Command, jsonFields: string, { logTimes }: { readonly logTimes: boolean }): Command {
  if (logTimes)
    command.option('--log-times', 'in front of each value its log time, when the leader took it, and a tab; with --json as "logTime"');
  return command
    .option('--raw', 'print the bytes as they are, control characters too')
    .option('--json', `print a JSON object a line: ${jsonFields}`)
    .option('--format <text>', `print each as this says, ended by a newline: ${formatRule}`, parseFormat)
    .option('--timestamps', 'in front of each value its event time, which who appended it said, and a tab')
    .option('--keys', 'in front of each value its key and a tab; - where it has none, in quotes where it could be mistaken')
    .option('--headers', 'in front of each value its headers as JSON and a tab');
}

/** @param doing such as `read` */
export function refuseFormats({ raw, json, format, timestamps, logTimes, keys, headers }: RecordFormat, doing: string): void {
  const both = (one: string, other: string): LogError => new LogError('usage', `Cannot ${doing}: ${one} and ${other} exclude each other`);
  if (raw === true && json === true) throw both('--raw', '--json');
  if (format === undefined) return;
  if (json === true) throw both('--format', '--json');
  const columns = { '--timestamps': timestamps, '--log-times': logTimes, '--keys': keys, '--headers': headers };
  const [column] = Object.entries(columns).find(([, isAsked]) => isAsked === true) ?? [];
  if (column !== undefined) throw both('--format', column);
}

export const tellsLogTime = ({ logTimes = false, format }: RecordFormat): boolean => logTimes || format?.tellsLogTime === true;

/** The bytes of a record, with what ends it. */
export function recordPrinter(options: RecordFormat, places: RecordPlaces): (record: LogRecord) => Uint8Array {
  const { raw = false, json = false, format } = options;
  if (json) return (record) => Buffer.from(`${recordJson(record, Object.fromEntries(places.json.map((name) => [name, record[name]])))}\n`);
  if (format !== undefined) return (record) => fillIn(format, record, raw);
  const columns = columnsOf(options, places);
  return (record) => {
    const value = valueBytes(record.value ?? noBytes, raw);
    if (columns.length === 0) return Buffer.concat([value, newline]);
    return Buffer.concat([Buffer.from(columns.map((column) => `${column(record)}\t`).join('')), value, newline]);
  };
}

const noBytes = new Uint8Array(0);
const newline = Buffer.from('\n');

function columnsOf(
  { timestamps, logTimes, keys, headers, raw }: RecordFormat,
  { withTopic }: RecordPlaces,
): readonly ((record: LogRecord) => string)[] {
  return [
    ...(withTopic && raw !== true ? [({ topic }: LogRecord) => topic] : []),
    ...(timestamps === true ? [({ timestamp }: LogRecord) => dateOf(timestamp)] : []),
    ...(logTimes === true ? [({ logTime }: LogRecord) => dateOf(logTime ?? -1)] : []),
    ...(keys === true ? [({ key }: LogRecord) => keyText(key)] : []),
    ...(headers === true ? [(record: LogRecord) => headersText(record.headers)] : []),
  ];
}
