import { broken } from './assert.ts';

/**
 * Numbers that must not be mixed up. All are safe integers (design, D6): 64-bit integers exist in codecs only.
 * Arithmetic on a branded number gives a plain number; brand it again where it becomes a position.
 */
declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** Position of a record in a partition, from 0. Ends are exclusive: `endOffset` is the offset the next record will get. */
export type Offset = Branded<'Offset'>;
/** Raft term, from 0 (nobody has been elected yet). */
export type Term = Branded<'Term'>;
/** A broker's identity, from 1, never reused. */
export type BrokerId = Branded<'BrokerId'>;
/** A Raft group (one per partition, plus the catalog), from 1. */
export type GroupId = Branded<'GroupId'>;

/**
 * The largest that is taken from outside: a log that grows by a million records a second gets there in 142 years. What is computed from one (the end of
 * a batch, a field that means "none" by 0) is still a safe integer.
 */
export const offsetMax = 2 ** 52;
/**
 * The largest that is taken from outside. A term stands in a field of 31 bits of every batch (the leader epoch of Kafka's format); whoever says the last of
 * them would leave none for the elections that come after, so those of the last 16 million are nobody's.
 */
export const termMax = 0x7fff_ffff - 2 ** 24;
/** Of a producer's batches or records; the same. */
export const sequenceMax = 0x7fff_ffff;

function checked(value: number, what: string, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) broken(`${what} is a safe integer of at least ${least}, not ${value}`);
  return value;
}

export const offset = (value: number): Offset => checked(value, 'an offset', 0) as Offset;
export const term = (value: number): Term => checked(value, 'a term', 0) as Term;
export const brokerId = (value: number): BrokerId => checked(value, 'a broker id', 1) as BrokerId;
export const groupId = (value: number): GroupId => checked(value, 'a group id', 1) as GroupId;

export const firstOffset = offset(0);
export const firstTerm = term(0);
