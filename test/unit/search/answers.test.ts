import { describe, expect, test } from 'vitest';
import { encodeFrame, FrameReader } from '../../../src/search/frames.ts';
import { HttpBody } from '../../../src/client/http-body.ts';

interface Read {
  readonly status: number;
  readonly text: string;
  readonly body: HttpBody;
}

function read(parts: readonly string[]): Read {
  let [status, text] = [0, ''];
  const body = new HttpBody({
    status: (answered) => {
      status = answered;
    },
    body: (piece) => {
      text += piece.toString('latin1');
      return undefined;
    },
  });
  for (const part of parts) void body.take(Buffer.from(part, 'latin1'));
  return { status, text, body };
}

describe('an answer of HTTP', () => {
  const ways = {
    'of known length': 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello\r\nworl',
    'in chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n\r\nworl\r\n0\r\nTrailer: x\r\n\r\n',
    'behind another': 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:11\r\n\r\nhello\r\nworl',
  } as const;

  test.each(Object.entries(ways))('%s is found wherever it is cut', (_way, whole) => {
    for (let cut = 1; cut < whole.length; cut++) {
      const { status, text, body } = read([whole.slice(0, cut), whole.slice(cut)]);
      expect([status, text, body.isWhole, body.problem]).toEqual([200, 'hello\r\nworl', true, null]);
    }
    expect(read(Array.from(whole)).text).toBe('hello\r\nworl');
    // Cut off it is not whole, and does not end with its connection.
    const { body } = read([whole.slice(0, -1)]);
    expect([body.isWhole, body.endsWithConnection]).toEqual([false, false]);
  });

  test('goes on to the end of the connection where nothing else is said', () => {
    const { status, text, body } = read(['HTTP/1.0 404 Not Found\r\nServer: x\r\n\r\nno', 'thing']);

    expect([status, text, body.isWhole, body.endsWithConnection]).toEqual([404, 'nothing', false, true]);
  });

  test.each(['SSH-2.0-OpenSSH\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n', `HTTP/1.1 200 ${'x'.repeat(70_000)}`])(
    'but not %j',
    (text) => expect(read([text]).body.problem).toContain('it does not speak HTTP'),
  );

  test('is looked at no further than somebody waits', async () => {
    const shown: string[] = [];
    const keep: (() => void)[] = [];
    const body = new HttpBody({
      status: () => undefined,
      body: (piece) => {
        shown.push(piece.toString());
        return new Promise((resolve) => keep.push(resolve));
      },
    });

    const done = body.take(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n'));

    expect(shown).toEqual(['a']);
    keep[0]?.();
    await Promise.resolve();
    await Promise.resolve();
    expect(shown).toEqual(['a', 'b']);
    keep[1]?.();
    await done;
    expect(body.isWhole).toBe(true);
  });
});

test('frames that come together are taken one behind the other, each when the one before is done with', async () => {
  const seen: unknown[] = [];
  let keep = (): void => undefined;
  const reader = new FrameReader({
    frame: (frame) => {
      seen.push(frame.value);
      return new Promise((resolve) => {
        keep = resolve;
      });
    },
    bytes: () => undefined,
    lines: () => undefined,
  });
  const frames = ['a', 'b'].map((text) => encodeFrame({ kind: 'note', value: { text } }));

  const done = reader.take(Buffer.concat(frames));

  expect(seen).toEqual([{ text: 'a' }]);
  keep();
  await Promise.resolve();
  await Promise.resolve();
  expect(seen).toEqual([{ text: 'a' }, { text: 'b' }]);
  keep();
  await done;
  expect(reader.problem).toBeNull();
});

test('what of a frame is kept for the next chunk is a copy: the chunk is written over', () => {
  const seen: unknown[] = [];
  const reader = new FrameReader({ frame: (frame) => (seen.push(frame.value), undefined), bytes: () => undefined, lines: () => undefined });
  const frame = encodeFrame({ kind: 'note', value: { text: 'whole' } });
  const shared = Buffer.alloc(100);

  for (const half of [frame.subarray(0, 9), frame.subarray(9)]) {
    half.copy(shared);
    void reader.take(shared.subarray(0, half.length));
    shared.fill(0);
  }

  expect(seen).toEqual([{ text: 'whole' }]);
});
