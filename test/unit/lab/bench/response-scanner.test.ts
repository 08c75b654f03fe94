import { describe, expect, test } from 'vitest';
import { ResponseScanner } from '../../../../src/lab/bench/response-scanner.ts';

const answer = (status: number, body: string): Buffer =>
  Buffer.from(
    `HTTP/1.1 ${status} Whatever\r\ncontent-type: text/plain\r\nContent-Length: ${body.length}\r\nCairn-Offset-Next: 17\r\n\r\n${body}`,
  );

const inChunks = (...chunks: readonly string[]): Buffer =>
  Buffer.from(
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${[...chunks, ''].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}`,
  );

describe('ResponseScanner', () => {
  test.each([
    ['with a length', answer(200, 'hello')],
    ['in chunks', inChunks('he', 'llo')],
  ])('sees the end of an answer %s wherever its bytes are cut', (_how, bytes) => {
    for (let cut = 1; cut < bytes.length; cut++) {
      const parts: string[] = [];
      const scanner = new ResponseScanner((part) => parts.push(part.toString()));

      const ends = [scanner.scan(bytes.subarray(0, cut)), scanner.scan(bytes.subarray(cut))];

      expect({ cut, ends, status: scanner.status, body: parts.join('') }).toEqual({ cut, ends: [false, true], status: 200, body: 'hello' });
    }
  });

  test('reads one answer after the other, bodies without bytes too', () => {
    const scanner = new ResponseScanner();
    const seen = [answer(200, 'a'), answer(503, ''), answer(200, 'bc')].map((bytes) => [scanner.scan(bytes), scanner.status]);

    expect(seen).toEqual([
      [true, 200],
      [true, 503],
      [true, 200],
    ]);
  });

  test('reads an answer in chunks behind one with a length, chunks with what a server says of them and a trailer too', () => {
    const parts: string[] = [];
    const scanner = new ResponseScanner((part) => parts.push(part.toString()));
    scanner.scan(answer(200, 'a'));

    const ends = [
      inChunks('x'.repeat(300)),
      Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;of=2\r\nb\r\n0\r\nSum: 1\r\n\r\n'),
    ];

    expect(ends.map((bytes) => scanner.scan(bytes))).toEqual([true, true]);
    expect(parts.join('')).toBe(`a${'x'.repeat(300)}b`);
  });

  test('keeps what came of a head although the memory of the chunk is used again', () => {
    const bytes = answer(200, 'x');
    const memory = Buffer.alloc(bytes.length);
    const scanner = new ResponseScanner();
    bytes.copy(memory, 0, 0, 20);
    scanner.scan(memory.subarray(0, 20));
    bytes.copy(memory, 0, 20);

    expect(scanner.scan(memory.subarray(0, bytes.length - 20))).toBe(true);
    expect(scanner.status).toBe(200);
  });

  test('gives headers by their name', () => {
    const scanner = new ResponseScanner();
    scanner.scan(answer(200, ''));

    expect(scanner.header('cairn-offset-next')).toBe('17');
    expect(scanner.header('offset-next')).toBeNull();
  });

  test.each([
    ['an answer without a length', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n'],
    ['a chunk without a size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n'],
    ['a chunk that is longer than it says', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n'],
    ['something behind the last chunk', `${inChunks('a').toString()}HTTP`],
    ['something else than HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['more than one answer', `${answer(200, 'a').toString()}HTTP`],
  ])('refuses %s', (_what, text) => {
    expect(() => new ResponseScanner().scan(Buffer.from(text))).toThrow(/answer/);
  });
});
