/**
 * Which blocks of a sealed segment may hold a text: for each block of frames a bit map of the trigrams in it, folded to lower case and hashed, so that a search
 * reads only blocks in which every trigram of its text is. It may say yes wrongly, and never no.
 *
 * It is derived from frames whose checksums were right, and can be removed at any time. As bytes, all integers big endian:
 *
 *      0  8    'CAIRNGRM'
 *      8  u32  version, 1            12  u32  group id
 *     16  u64  base offset           24  u32  salt of the segment        28  u32  count of blocks
 *     32       blocks, 32 bytes each: u64 offset, u64 end offset, u32 position, u32 end position, u32 count of data records, u32 zero
 *              then for each block its 16,384 bits
 *     end u32  CRC-32C of everything before
 *
 * A block has at least 80 KiB, so that all of this is 2.6 % of what it is about.
 */
import { readU64, viewOf, writeU64 } from '../base/bytes.ts';
import type { Bytes } from '../host/index.ts';
import { batchHeaderBytes, batchOf, type Frame, isControl, recordCount } from '../record/index.ts';
import type { SegmentHeader } from './segment-format.ts';

const blockBytesMin = 80 * 1024;
const bitsBytes = 2048;
const bitsWords = bitsBytes / 4;
const headBytes = 32;
const entryBytes = 32;
const magicHigh = 0x4341_4952; // 'CAIR'
const magicLow = 0x4e47_524d; // 'NGRM'
/** 14 bits of a hash name one of 16,384. */
const hashShift = 18;
const hashFactor = 0x9e37_79b1;

/** ASCII letters in lower case, so that one filter serves searches that do not look at the case. */
const folded: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => (byte >= 65 && byte <= 90 ? byte + 32 : byte));

const hashOf = (a: number, b: number, c: number): number => Math.imul((a << 16) | (b << 8) | c, hashFactor) >>> hashShift;

export interface FilterBlock {
  readonly offsetFrom: number;
  readonly offsetTo: number;
  readonly position: number;
  readonly endPosition: number;
  /** Records that are not for brokers alone. */
  readonly records: number;
}

export class GramFilter {
  readonly blocks: readonly FilterBlock[];
  readonly #bits: Uint32Array;

  constructor(blocks: readonly FilterBlock[], bits: Uint32Array) {
    this.blocks = blocks;
    this.#bits = bits;
  }

  get sizeBytes(): number {
    return headBytes + this.blocks.length * (entryBytes + bitsBytes) + 4;
  }

  /**
   * Which blocks a search must read (1): those that may hold one of the texts, and in front of each of them as many as hold `before` records, which may be
   * its context. What follows the segment is not known here, so its last records may be context too.
   */
  blocksToRead(wanted: FilterTexts, before: number): Uint8Array {
    const isRead = new Uint8Array(this.blocks.length);
    const grams = wanted.texts.map((text) => hashesOf(text, wanted.ignoreCase));
    let owed = before;
    for (let block = this.blocks.length - 1; block >= 0; block--) {
      const mayHold = grams.some((hashes) => this.#holdsAll(block * bitsWords, hashes));
      if (mayHold || owed > 0) isRead[block] = 1;
      owed = mayHold ? before : owed - (this.blocks[block] as FilterBlock).records;
    }
    return isRead;
  }

  #holdsAll(from: number, hashes: readonly number[]): boolean {
    for (const hash of hashes) if ((((this.#bits[from + (hash >>> 5)] as number) >>> (hash & 31)) & 1) === 0) return false;
    return true;
  }

  encode(header: SegmentHeader, bytes: Bytes): Uint8Array {
    const encoded = new Uint8Array(this.sizeBytes);
    const view = viewOf(encoded);
    view.setUint32(0, magicHigh);
    view.setUint32(4, magicLow);
    view.setUint32(8, 1);
    view.setUint32(12, header.group);
    writeU64(view, 16, header.baseOffset);
    view.setUint32(24, header.salt);
    view.setUint32(28, this.blocks.length);
    let at = headBytes;
    for (const block of this.blocks) {
      writeU64(view, at, block.offsetFrom);
      writeU64(view, at + 8, block.offsetTo);
      view.setUint32(at + 16, block.position);
      view.setUint32(at + 20, block.endPosition);
      view.setUint32(at + 24, block.records);
      at += entryBytes;
    }
    for (const word of this.#bits) {
      view.setUint32(at, word);
      at += 4;
    }
    view.setUint32(at, bytes.crc32c(encoded.subarray(0, at)));
    return encoded;
  }

  /** Null for anything but an intact filter of this very segment. */
  static read(source: Uint8Array, header: SegmentHeader, bytes: Bytes): GramFilter | null {
    if (source.length < headBytes + 4) return null;
    const view = viewOf(source);
    if (view.getUint32(source.length - 4) !== bytes.crc32c(source.subarray(0, source.length - 4))) return null;
    if (view.getUint32(0) !== magicHigh || view.getUint32(4) !== magicLow || view.getUint32(8) !== 1) return null;
    if (view.getUint32(12) !== header.group || readU64(view, 16) !== header.baseOffset || view.getUint32(24) !== header.salt) return null;
    const count = view.getUint32(28);
    if (source.length !== headBytes + count * (entryBytes + bitsBytes) + 4) return null;
    const blocks: FilterBlock[] = [];
    for (let i = 0; i < count; i++) {
      const at = headBytes + i * entryBytes;
      blocks.push({
        offsetFrom: readU64(view, at) ?? 0,
        offsetTo: readU64(view, at + 8) ?? 0,
        position: view.getUint32(at + 16),
        endPosition: view.getUint32(at + 20),
        records: view.getUint32(at + 24),
      });
    }
    const bits = new Uint32Array(count * bitsWords);
    const from = headBytes + count * entryBytes;
    for (let i = 0; i < bits.length; i++) bits[i] = view.getUint32(from + i * 4);
    return new GramFilter(blocks, bits);
  }
}

/** Texts of which what is looked for has at least one. */
export interface FilterTexts {
  readonly texts: readonly Uint8Array[];
  readonly ignoreCase: boolean;
}

/** A text without a trigram that counts is in any block. */
export const areFilterable = ({ texts, ignoreCase }: FilterTexts): boolean => texts.every((text) => hashesOf(text, ignoreCase).length > 0);

/** Without regard to case, other characters than these letters match them too (U+0130, U+0131, U+212A, U+017F). */
const hasOthers = (byte: number): boolean => byte === 105 || byte === 107 || byte === 115;

function hashesOf(text: Uint8Array, ignoreCase: boolean): number[] {
  const hashes: number[] = [];
  const letters = Array.from(text, (byte) => folded[byte] as number);
  for (let i = 2; i < letters.length; i++) {
    const gram = letters.slice(i - 2, i + 1);
    if (!ignoreCase || !gram.some(hasOthers)) hashes.push(hashOf(...(gram as [number, number, number])));
  }
  return hashes;
}

/** Makes a filter from all frames of a segment, in order. */
export class GramFilterBuilder {
  readonly #blocks: FilterBlock[] = [];
  readonly #bits: Uint32Array[] = [];
  #block: { offsetFrom: number; offsetTo: number; position: number; endPosition: number; records: number } | null = null;
  #words = new Uint32Array(bitsWords);

  /** @param position of the frame in the file */
  add(frame: Frame, position: number): void {
    const batch = batchOf(frame.bytes);
    this.#block ??= { offsetFrom: frame.offsetFrom, offsetTo: 0, position, endPosition: 0, records: 0 };
    this.#block.offsetTo = frame.offsetTo;
    this.#block.endPosition = position + frame.bytes.length;
    if (!isControl(batch)) {
      this.#block.records += recordCount(batch);
      this.#note(batch);
    }
    if (this.#block.endPosition - this.#block.position >= blockBytesMin) this.#finishBlock();
  }

  finish(): GramFilter {
    this.#finishBlock();
    const bits = new Uint32Array(this.#bits.length * bitsWords);
    for (const [index, words] of this.#bits.entries()) bits.set(words, index * bitsWords);
    return new GramFilter(this.#blocks, bits);
  }

  #finishBlock(): void {
    if (this.#block === null) return;
    this.#blocks.push(this.#block);
    this.#bits.push(this.#words);
    this.#words = new Uint32Array(bitsWords);
    this.#block = null;
  }

  /** Every three bytes that follow one another, those of lengths between records too: it does no harm. */
  #note(batch: Uint8Array): void {
    const words = this.#words;
    let gram = ((folded[batch[batchHeaderBytes] as number] as number) << 8) | (folded[batch[batchHeaderBytes + 1] as number] as number);
    for (let i = batchHeaderBytes + 2; i < batch.length; i++) {
      gram = ((gram << 8) | (folded[batch[i] as number] as number)) & 0xff_ff_ff;
      const hash = Math.imul(gram, hashFactor) >>> hashShift;
      const word = hash >>> 5;
      words[word] = (words[word] as number) | (1 << (hash & 31));
    }
  }
}
