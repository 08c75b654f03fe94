/**
 * An answer as a JSON object a line. Of files it is made of what the search programs print: a line with its label, its number and its place in the file. The
 * label is known, so nothing in a line can be taken for it. Of topics the objects come from the replica, and are told whose they are.
 */
import { Buffer } from 'node:buffer';
import type { SearchRequest } from '../../query/index.ts';
import { wasSearched } from '../answer.ts';
import type { Report } from './report.ts';
import type { AnswerEvent } from './turns.ts';

/** The same search for a program, which wants to know where each line is, whatever a person would see of it. */
export function forPrograms(request: SearchRequest): SearchRequest {
  const output = { ...request.output, color: false, withName: true, nullAfterName: false, initialTab: false, groupSeparator: null };
  if (request.source.kind === 'topic') return { ...request, output, form: 'json' };
  const isPlaced = hasPlaces(request);
  return { ...request, output: { ...output, lineNumbers: isPlaced, byteOffsets: isPlaced } };
}

/** Where a line stands in a file is not known of what is followed from its end. */
const hasPlaces = ({ follow }: Pick<SearchRequest, 'follow'>): boolean => !follow;

/** What is said behind the lines: what each machine did, and whether the answer is whole. */
export function reportLines({ machines, selected, isComplete }: Report): string {
  const lines = machines.map(({ name, parts, bytesReturned, elapsedMs, problem, failure, isWithout }) => ({
    type: 'machine',
    machine: name,
    parts: parts.map(({ label: _label, isSelected: _isSelected, begun: _begun, ...part }) => part),
    bytesReturned,
    elapsedMs,
    problem,
    failure,
    isWithout,
  }));
  return [...lines, { type: 'summary', selected, isComplete }].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** Whose lines they are. */
type Place =
  | { readonly machine: string; readonly file: string }
  | { readonly machine: string; readonly topic: string; readonly partition: number };

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class JsonLines {
  readonly #request: Pick<SearchRequest, 'output' | 'follow'>;
  #held = Buffer.alloc(0);
  /** What stands in every line of the part that was begun. */
  #label = '';
  #place: Place = { machine: '', file: '' };

  constructor(request: Pick<SearchRequest, 'output' | 'follow'>) {
    this.#request = request;
  }

  /** Text of whole lines. */
  take(event: AnswerEvent): string {
    if (event.kind === 'part') {
      const { label, name, begun } = event.head;
      // No topic has a colon in its name.
      const machine = label.slice(0, begun === undefined ? label.length - name.length - 1 : label.lastIndexOf(':'));
      this.#label = label;
      this.#place = begun === undefined ? { machine, file: name } : { machine, topic: name, partition: begun.partition };
      this.#held = Buffer.alloc(0);
      return '';
    }
    if (event.kind === 'end') return wasSearched(event.end) ? this.#summarise(event.end.isSelected, event.end.selected) : '';
    if (this.#request.output.mode !== 'lines') return '';
    const bytes = this.#held.length === 0 ? event.piece : Buffer.concat([this.#held, event.piece]);
    const terminator = this.#request.output.nullData ? 0 : 0x0a;
    const shown: string[] = [];
    let at = 0;
    for (let end = bytes.indexOf(terminator); end >= 0; end = bytes.indexOf(terminator, at)) {
      shown.push(this.#line(bytes.subarray(at, end), event.isLate === true));
      at = end + 1;
    }
    this.#held = Buffer.from(bytes.subarray(at));
    return shown.join('');
  }

  #line(line: Buffer, isLate: boolean): string {
    const late = isLate ? { late: true } : {};
    if ('topic' in this.#place) {
      // Behind its type.
      const text = line.toString('utf8');
      const at = text.indexOf(',') + 1;
      return `${text.slice(0, at)}${JSON.stringify({ ...this.#place, ...late }).slice(1, -1)},${text.slice(at)}\n`;
    }
    const labelBytes = Buffer.byteLength(this.#label);
    const type = line[labelBytes] === 0x3a ? 'match' : 'context';
    if (!hasPlaces(this.#request)) {
      return `${JSON.stringify({ type, ...this.#place, ...late, ...textOf(line.subarray(labelBytes + 1)) })}\n`;
    }
    const [number, textFrom] = readNumber(line, labelBytes + 1);
    const [byteOffset, from] = readNumber(line, textFrom);
    return `${JSON.stringify({ type, ...this.#place, line: number, byteOffset, ...textOf(line.subarray(from)) })}\n`;
  }

  /** What there is to say of a file as a whole. */
  #summarise(isSelected: boolean, selected: number | null): string {
    const { mode } = this.#request.output;
    if (mode === 'count') return `${JSON.stringify({ type: 'count', ...this.#place, count: selected })}\n`;
    const isNamed = (mode === 'with' && isSelected) || (mode === 'without' && !isSelected);
    return isNamed ? `${JSON.stringify({ type: 'file', ...this.#place })}\n` : '';
  }
}

/** A number and the character behind it. */
function readNumber(line: Buffer, from: number): [value: number, next: number] {
  let at = from;
  let value = 0;
  for (let byte = line[at]; byte !== undefined && byte >= 0x30 && byte <= 0x39; byte = line[++at]) value = value * 10 + byte - 0x30;
  return [value, at + 1];
}

function textOf(bytes: Buffer): { text: string } | { base64: string } {
  try {
    return { text: strict.decode(bytes) };
  } catch {
    return { base64: bytes.toString('base64') };
  }
}
