import { describe, expect, test } from 'vitest';
import { ResponseScanner } from '../../../../src/lab/bench/response-scanner.ts';

const answer = (status: number, body: string): Buffer =>
  Buffer.from(
    `HTTP/1.1 ${status} Whatever\r\ncontent-type: text/plain\r\nContent-Length: ${body.length}\r\nCairn-Offset-Next: 17\r\n\r\n${body}`,
  );

describe('ResponseScanner', () => {
  test('sees the end of an answer wherever its bytes are cut', () => {
    const bytes = answer(200, 'hello');
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
    ['an answer without a length', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['something else than HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['more than one answer', `${answer(200, 'a').toString()}HTTP`],
  ])('refuses %s', (_what, text) => {
    expect(() => new ResponseScanner().scan(Buffer.from(text))).toThrow(/answer/);
  });
});
