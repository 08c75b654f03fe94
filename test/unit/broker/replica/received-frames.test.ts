import { expect, test } from 'vitest';
import { groupId, offset, term } from '../../../../src/base/branded.ts';
import { findFrameProblem } from '../../../../src/broker/replica/received-frames.ts';
import type { LogBatch } from '../../../../src/raft/index.ts';
import { frameBatch, frameChecksum, noOpBatch, RecordBatchBuilder } from '../../../../src/record/index.ts';
import { simBytes } from '../../../../src/sim/bytes.ts';

const group = groupId(2);

function framed(offsetFrom: number, previousChecksum: number, text: string | null): LogBatch {
  const builder = new RecordBatchBuilder();
  if (text !== null) builder.add(1000, null, simBytes.utf8Encode(text));
  const batch = text === null ? noOpBatch(1000, { requestIdsMax: 1, requestIdRetentionMs: 1 }, simBytes) : builder.finish(simBytes);
  const fields = { group, offsetFrom: offset(offsetFrom), term: term(3), stampMs: 1000 + offsetFrom, stampCounter: 0, previousChecksum };
  return frameBatch(fields, batch, simBytes);
}

const first = framed(0, 0, null);
const second = framed(1, frameChecksum(first.bytes), 'a');
const third = framed(2, frameChecksum(second.bytes), 'b');

test('batches that are what they say and continue the log may enter it', () => {
  expect(findFrameProblem([first, second, third], group, 0, simBytes)).toBeNull();
  expect(findFrameProblem([second, third], group, frameChecksum(first.bytes), simBytes)).toBeNull();
  expect(findFrameProblem([third], group, null, simBytes)).toBeNull();
});

test('a flip of any single byte of a batch is noticed', () => {
  for (let at = 0; at < second.bytes.length; at++) {
    const bytes = second.bytes.slice();
    bytes[at] = (bytes[at] as number) ^ 0x10;
    expect(findFrameProblem([{ ...second, bytes }], group, frameChecksum(first.bytes), simBytes), `byte ${at}`).not.toBeNull();
  }
});

test('a batch of another group, offset or term is noticed', () => {
  expect(findFrameProblem([second], groupId(3), null, simBytes)).toContain('made for another place');
  expect(findFrameProblem([{ ...second, offsetFrom: offset(7), offsetTo: offset(8) }], group, null, simBytes)).toContain('another place');
  expect(findFrameProblem([{ ...second, term: term(4) }], group, null, simBytes)).toContain('another place');
});

test('a batch that continues another log is noticed, inside a message and where it meets the log here', () => {
  const elsewhere = framed(2, 12345, 'b');

  expect(findFrameProblem([second, elsewhere], group, null, simBytes)).toContain('continues a log whose last checksum is 00003039');
  expect(findFrameProblem([elsewhere], group, frameChecksum(second.bytes), simBytes)).toContain('continues a log');
});
