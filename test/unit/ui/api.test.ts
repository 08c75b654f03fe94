import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError, append } from '../../../ui/src/api.ts';

afterEach(() => vi.unstubAllGlobals());

const answering = (make: () => Response): void => void vi.stubGlobal('fetch', () => Promise.resolve(make()));
const cutBody = (start: string): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(start));
      controller.error(new TypeError('network error'));
    },
  });

describe('what becomes of an append is not known', () => {
  it.each([
    ['the answer is cut within its body', () => new Response(cutBody('{"offset":'), { status: 200 })],
    ['somebody on the way answers 200 in his own form', () => new Response('<html>', { status: 200 })],
    ['somebody on the way answers 200 with other JSON', () => new Response('{"status":"ok"}', { status: 200 })],
    ['somebody on the way answers 502', () => new Response('<html>bad gateway</html>', { status: 502 })],
    ['a refusal is cut within its body', () => new Response(cutBody('{"error":{"definite":true'), { status: 503 })],
  ])('when %s', async (_when, answer) => {
    answering(answer);

    const failure = await append('t', 'a line', 'quorum', 'r').catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(ApiError);
    expect(failure).toMatchObject({ definite: false, requestOutcome: 'unknown', message: expect.not.stringMatching(/JSON|TypeError/) });
  });
});

it('a refusal of a broker is definite where it says so', async () => {
  answering(() => Response.json({ error: { code: 'unknownTopic', message: 'No such topic', definite: true } }, { status: 404 }));

  await expect(append('t', 'a line', 'quorum', 'r')).rejects.toMatchObject({ code: 'unknownTopic', definite: true });
});
