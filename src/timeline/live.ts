import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import type { NodeRow, TimelineHeader, TotalRow } from './format.ts';
import { checkedHeader, isHeader, parseLine, refuseTimeline, toReadError } from './read.ts';

/** Rows of one connection that are kept: a minute of them. */
const rowsKept = 60;
const pieceBytes = 256 * 1024;

export interface LiveConnection {
  readonly node: string;
  readonly address: string;
  /** When it left, by second of the run. */
  goneSecond: number | null;
  /** The last ones. */
  readonly rows: NodeRow[];
  lastEventSecond: number | null;
}

/**
 * A timeline while its logger writes it: each `update` reads only what was appended since, and what is kept is bounded by the connections there are. Of
 * several runs in the file it is the last.
 */
export class LiveTimeline {
  readonly #path: string;
  #position = 0;
  #decoder = new StringDecoder('utf8');
  #rest = '';
  header: TimelineHeader | null = null;
  last: TotalRow | null = null;
  readonly #connections = new Map<string, LiveConnection>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Those that are connected, and those that left within the time that is kept. */
  get connections(): readonly LiveConnection[] {
    return [...this.#connections.values()];
  }

  update(): void {
    let descriptor: number;
    try {
      descriptor = openSync(this.#path, 'r');
    } catch (error) {
      throw toReadError(this.#path, error);
    }
    try {
      // Another file of that name.
      if (fstatSync(descriptor).size < this.#position) this.#beginAgain();
      const piece = Buffer.allocUnsafe(pieceBytes);
      for (let length = readSync(descriptor, piece, 0, pieceBytes, this.#position); length > 0; ) {
        this.#position += length;
        this.#take(this.#decoder.write(piece.subarray(0, length)));
        length = readSync(descriptor, piece, 0, pieceBytes, this.#position);
      }
    } catch (error) {
      throw toReadError(this.#path, error);
    } finally {
      closeSync(descriptor);
    }
    if (this.header === null) throw refuseTimeline(this.#path, 'no logger has written to it');
    this.#dropLongGone();
  }

  #beginAgain(): void {
    this.#position = 0;
    this.#decoder = new StringDecoder('utf8');
    this.#rest = '';
    this.header = null;
    this.last = null;
    this.#connections.clear();
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.header === null && this.#rest.length > pieceBytes) throw refuseTimeline(this.#path, 'line 1 is no row of a timeline');
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const value = line === '' ? null : parseLine(line);
    if (isHeader(value)) {
      this.header = checkedHeader(value, this.#path);
      this.last = null;
      this.#connections.clear();
      return;
    }
    if (this.header === null) {
      if (line !== '') throw refuseTimeline(this.#path, 'line 1 is no row of a timeline');
      return;
    }
    // Torn by a kill.
    if (value === null || typeof value['second'] !== 'number') return;
    if (value['node'] === null) this.#total(value as unknown as TotalRow);
    else this.#row(value as unknown as NodeRow);
  }

  #total(row: TotalRow): void {
    this.last = row;
    for (const [node, address] of row.joined) {
      this.#connections.set(keyOf(node, address), { node, address, goneSecond: null, rows: [], lastEventSecond: null });
    }
    for (const [node, address] of row.left) {
      const connection = this.#connections.get(keyOf(node, address));
      if (connection !== undefined) connection.goneSecond = row.second;
    }
  }

  #row(row: NodeRow): void {
    const connection = this.#connections.get(keyOf(row.node, row.address));
    if (connection === undefined) return;
    connection.rows.push(row);
    if (connection.rows.length > rowsKept) connection.rows.shift();
    if (row.events > 0) connection.lastEventSecond = row.second;
  }

  #dropLongGone(): void {
    const since = (this.last?.second ?? 0) - rowsKept;
    for (const [key, { goneSecond }] of this.#connections) if (goneSecond !== null && goneSecond < since) this.#connections.delete(key);
  }
}

const keyOf = (node: string, address: string): string => `${node} ${address}`;
