/** What another broker says of partitions is a peer's word: whatever it is, nobody ends because of it. */
import { expect, test } from 'vitest';
import { parseStatuses } from '../../../src/broker/edge/said-statuses.ts';
import { setU32 } from '../../../src/base/bytes.ts';
import { askedGroupsMax, decodeRequest, encodeRequest, wireHeaderBytes } from '../../../src/wire/index.ts';

const status = { group: 17, leader: null, term: 1, endOffset: 0, followers: [{ broker: 2, matchOffset: 0 }] };

test.each([
  ['no JSON', '{', 0],
  ['an object', '{}', 0],
  ['null', 'null', 0],
  ['a number', '5', 0],
  [
    'lists of what is no status',
    JSON.stringify([null, 1, [], {}, { ...status, followers: undefined }, { ...status, followers: [null] }]),
    0,
  ],
  ['a status among them', JSON.stringify([null, status]), 1],
])('%s', (_what, json, count) => {
  expect(parseStatuses(json)).toHaveLength(count);
});

const asked = (groups: readonly number[]): Uint8Array =>
  encodeRequest(1, { type: 'partitions', correlation: 1, groups }).head.subarray(wireHeaderBytes);

test('nobody is asked about a group that cannot be, or about more than fit an answer', () => {
  const kind = encodeRequest(1, { type: 'partitions', correlation: 1, groups: [] }).kind;
  const groups = Array.from({ length: askedGroupsMax }, (_, index) => index + 1);
  expect(decodeRequest(kind, asked(groups))).toMatchObject({ groups });
  expect(decodeRequest(kind, asked([...groups, 1]))).toBeNull();
  const forged = asked([5]).slice();
  setU32(forged, 8, 0);
  expect(decodeRequest(kind, forged)).toBeNull();
});
