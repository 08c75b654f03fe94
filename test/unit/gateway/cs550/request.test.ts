import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Peers, writeList } from '../../../../src/gateway/cs550/peers.ts';
import { decodeRequest } from '../../../../src/gateway/cs550/request.ts';
import { RequestScanner, type Scanned } from '../../../../src/gateway/cs550/scanner.ts';
import { Transcript } from '../../../../src/gateway/cs550/transcript.ts';

/** Where the request ends, counted from its beginning, when it comes in such parts. */
function scanIn(parts: readonly Uint8Array[]): Scanned {
  const scanner = new RequestScanner();
  let before = 0;
  for (const part of parts) {
    const end = scanner.scan(part);
    if (end === 'never') return end;
    if (end !== 'more') return before + end;
    before += part.length;
  }
  return 'more';
}

const decode = (fields: unknown) => decodeRequest(Buffer.from(JSON.stringify(fields)));

describe('a request', () => {
  test('ends where its JSON ends, however it is cut, whatever follows', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        fc.string(),
        fc.array(fc.nat(), { maxLength: 5 }),
        (fields, rest, cuts) => {
          const json = Buffer.from(` ${JSON.stringify(fields)}`);
          const whole = Buffer.concat([json, Buffer.from(rest)]);
          const at = [...cuts.map((cut) => cut % (whole.length + 1)), 0, whole.length].sort((a, b) => a - b);
          const parts = at.slice(1).map((to, index) => whole.subarray(at[index] as number, to));

          expect(scanIn(parts)).toBe(json.length);
          expect(scanIn([json.subarray(0, -1)])).toBe('more');
        },
      ),
    );
  });

  test.each(['hello', '[1]', '"{}"', '12', '\u00e9', '}'])('%j can be none', (text) => {
    expect(scanIn([Buffer.from(text)])).toBe('never');
  });

  test('is what its action and fields say', () => {
    expect(decode({ action: 'create_topic', publisher_id: 'p', topic_name: 'news' })).toEqual({ action: 'createTopic', topic: 'news' });
    expect(decode({ action: 'create_topic', publisher_id: 'p', topic: 'a', topic_name: 'b' })).toEqual({
      action: 'createTopic',
      topic: 'a',
    });
    expect(decode({ action: 'replica_subscribe', subscriber_id: 's', topic: 't' })).toEqual({
      action: 'subscribe',
      subscriber: 's',
      topic: 't',
    });
    expect(decode({ action: 'replica_pull', subscriber_id: 's', topic: 't' })).toEqual({ action: 'pullLast', topic: 't' });
    expect(decode({ action: 'replica_pull', publisher_id: 'p', topic: 't', content: '' })).toEqual({
      action: 'publish',
      topic: 't',
      content: '',
    });
    expect(decode({ action: 'stop_node', flag: false })).toEqual({ action: 'stopNode', comesBack: false });
    expect(decode({ action: 'start_new', node_id: '101', port: 8005 })).toEqual({ action: 'startNode', node: '101' });
  });

  test.each([
    {},
    { action: 'create_replica', topic_name: 'news', original_node: '100' },
    { action: 5 },
    { action: 'create_publisher' },
    { action: 'create_publisher', publisher_id: 5 },
    { action: 'replica_pull', publisher_id: 'p', topic: 't' },
    { action: 'publish', publisher_id: 'p', topic: 't' },
    { action: 'pull', topic: 't' },
    { action: 'stop_node' },
    { action: 'stop_node', flag: 1 },
  ])('%j is no action', (fields) => {
    expect(decode(fields)).toBe('invalidAction');
  });

  test('that is no UTF-8 is no JSON', () => {
    expect(decodeRequest(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toBe('invalidJson');
    expect(decodeRequest(Buffer.from('{"action": 1'))).toBe('invalidJson');
  });
});

describe('eight peers', () => {
  const peers = new Peers(8);

  test.each([
    ['news', '100', "['101', '110', '000']"],
    ['cricket', '111', "['110', '101', '011']"],
    ['topic1', '101', "['100', '111', '001']"],
    ['topic2', '110', "['111', '100', '010']"],
    ['topic16', '010', "['011', '000', '110']"],
  ])('have %s at home on %s, with neighbours %s', (topic, home, neighbours) => {
    const { label, neighbours: others } = peers.homeOf(topic);

    expect([label, writeList(others)]).toEqual([home, neighbours]);
    expect(peers.neighboursOf(peers.vertexOf(home))).toEqual(others);
    expect(peers.replicas).toBe(4);
  });
});

test('a transcript moves no cursor, and a request of a megabyte is no line of a megabyte', () => {
  const lines: string[] = [];
  const transcript = new Transcript(
    '101',
    (line) => void lines.push(line),
    () => new Date(1_733_191_713_564),
  );

  transcript.received(Buffer.from('{"a": "\u001b[2J\nü"}'));
  transcript.received(Buffer.from('é'.repeat(500_000)));
  transcript.answered('x', 5000);

  expect(lines[0]).toMatch(
    /^\[Node 101\] \[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.564000\] Received message from client: \{"a": "\\x1b\[2J\\x0aü"\}\n$/,
  );
  expect(lines[1]?.length).toBeLessThan(2200);
  expect(lines[1]).toContain(` and ${1_000_000 - 4000} more bytes\n`);
  expect(lines[2]).toContain('Response to client: x and 4999 more characters\n');
});
