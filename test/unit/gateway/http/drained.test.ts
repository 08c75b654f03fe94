import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { drained } from '../../../../src/gateway/http/drained.ts';

test('nobody waits for a reader that is gone already', async () => {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  response.destroy();
  await new Promise(setImmediate);
  let isDrained: boolean | null = null;

  void drained(response, 600_000).then((answer) => (isDrained = answer));
  await new Promise(setImmediate);

  expect(isDrained).toBe(false);
});
