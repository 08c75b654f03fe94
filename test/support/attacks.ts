/**
 * Everything that has hurt one broker or another program, to be sent to a broker over and over. Attackers are bounded: an attack says when it is over, and none
 * holds more than so many connections. They have the token where that is what lets them do harm.
 */
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { SeededRandom } from '../../src/base/random.ts';
import { peerProtocol } from '../../src/wire/index.ts';
import { requestText } from './raw-http.ts';

export const attackToken = 'an-attack-is-a-test-of-what-is-bounded';
/** Connections of one kind at once, to one broker. */
const heldMax = 150;
const bodyBytesMax = 8 * 1024 * 1024;

const sockets = new Set<Socket>();

/** Ends what attacks have left. */
export function endAttacks(): void {
  for (const socket of sockets) socket.destroy();
}

function open(port: number): Socket {
  // It does not end its own side when the other one ends.
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => sockets.delete(socket));
  socket.resume();
  return socket;
}

/** Sends as the other side takes it, and waits for the first word of an answer, the end, or some seconds. */
async function send(port: number, ...parts: readonly (string | Uint8Array)[]): Promise<void> {
  const socket = open(port);
  const over = new Promise<void>((resolve) => {
    socket.once('data', () => resolve());
    socket.once('end', () => resolve());
    socket.once('close', () => resolve());
    setTimeout(resolve, 5_000).unref();
  });
  for (const part of parts) {
    if (socket.destroyed) break;
    if (!socket.write(part)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), over]);
  }
  await over;
  socket.destroy();
}

const authorized = { Authorization: `Bearer ${attackToken}` };
const json = { ...authorized, 'Content-Type': 'application/json' };
const records = '/v1/topics/log/records';
const post = (port: number, headers: Readonly<Record<string, string>>, body: string, where = records): Promise<void> =>
  send(port, requestText(port, 'POST', where, headers), body).catch(() => undefined);
const headOf = (port: number, headers: Readonly<Record<string, string>>, bytes: number, where = records): string =>
  requestText(port, 'POST', where, { ...headers, 'Content-Length': String(bytes) });

export type Attack = (port: number, random: SeededRandom) => Promise<void>;

/** A body is made once: what making it costs is no attack. */
function withBody(headers: Readonly<Record<string, string>>, bodyOf: () => string | Uint8Array, where = records): Attack {
  const body = Buffer.from(bodyOf());
  return (port) => send(port, headOf(port, headers, body.length, where), body);
}

/** Connections that say so much and then nothing, for as long as the attack lasts. */
const holding =
  (text: (port: number) => string): Attack =>
  async (port) => {
    const held = Array.from({ length: heldMax }, () => open(port));
    for (const socket of held) socket.write(text(port));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    for (const socket of held.slice(0, heldMax / 2)) socket.destroy();
  };

export const attacks: Readonly<Record<string, Attack>> = {
  'numbers that are none': async (port, random) => {
    const value = random.pick(['true', '2.9', '0x3', '', '-1', '1e400', '9007199254740993', '%00', '٣']);
    const name = random.pick(['from', 'bytesMax', 'waitMs', 'session', 'since', 'partition', 'limit']);
    await send(port, requestText(port, 'GET', `${records}?${name}=${encodeURIComponent(value)}`, authorized));
    await post(port, { ...json, 'Cairn-Sequence': value }, '{"value":"x"}', `${records}?expectedOffset=${encodeURIComponent(value)}`);
  },
  newlines: withBody({ ...authorized, 'Content-Type': 'application/x-ndjson' }, () => '\n'.repeat(bodyBytesMax)),
  'keys of headers': withBody(
    json,
    () => `{"value":"x","headers":{${Array.from({ length: 400_000 }, (_, at) => `"${at}":""`).join(',')}}}`,
  ),
  depth: withBody(json, () => '['.repeat(bodyBytesMax)),
  'empty lists': withBody(json, () => `[${'[],'.repeat(2_700_000)}[]]`),
  'honest records, many': withBody(json, () => JSON.stringify({ records: Array.from({ length: 65_536 }, () => ({ value: 'x' })) })),
  'depth elsewhere': withBody(json, () => '['.repeat(900_000), '/v1/grep'),
  'pipelined reads of everything': (port) => {
    const one = requestText(port, 'GET', `${records}?bytesMax=67108864&format=text`, { ...authorized, Connection: 'keep-alive' });
    return send(port, one.repeat(90));
  },
  'a body in chunks of one byte': (port) => {
    const head = requestText(port, 'POST', records, { ...authorized, 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' });
    const chunks = '1\r\nx\r\n'.repeat(20_000);
    return send(port, head.replace('Content-Length: 0\r\n', ''), ...Array.from({ length: 40 }, () => chunks));
  },
  'bodies that are held open': async (port) => {
    const part = 'x'.repeat(64 * 1024);
    const held = Array.from({ length: 40 }, () => open(port));
    for (const socket of held) socket.write(headOf(port, { ...authorized, 'Content-Type': 'text/plain' }, bodyBytesMax));
    for (let piece = 0; piece < 100; piece++) {
      for (const socket of held) if (!socket.destroyed && socket.writableLength === 0) socket.write(part);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const socket of held) socket.destroy();
  },
  'a body that unpacks to much': withBody({ ...authorized, 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' }, () =>
    gzipSync(Buffer.alloc(64 * 1024 * 1024)),
  ),
  silence: holding(() => ''),
  'half a header': holding((port) => `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX-`),
  'a refused upgrade': holding((port) => requestText(port, 'GET', '/', { Connection: 'Upgrade', Upgrade: 'cairn-peer/999' })),
  'a peer under another host': holding((port) =>
    requestText(port, 'GET', '/', { Connection: 'Upgrade', Upgrade: peerProtocol, Host: 'evil.example' }),
  ),
  'a peer that is none': async (port, random) => {
    const noise = Buffer.alloc(random.below(4_000));
    for (let at = 0; at < noise.length; at++) noise[at] = random.below(256);
    await send(port, requestText(port, 'GET', '/', { Connection: 'Upgrade', Upgrade: peerProtocol }), noise);
  },
  'wrong tokens': (port) => post(port, { ...json, Authorization: 'Bearer wrong' }, '{"value":"x"}'),
  'pages of other origins': (port) => send(port, requestText(port, 'GET', records, { ...authorized, Origin: 'http://evil.example' })),
  'no HTTP': (port) => send(port, '\x16\x03\x01\x02\x00garbage\r\n\r\n'),
};
