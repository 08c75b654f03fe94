import { parseStamp, type Stamp } from '../clocks/index.ts';

/** What the gateway says to a spooling agent, a line each (docs/decisions/0008), and its stamp, which it has since `cairn/2`. */
export type GatewayAnswer = { readonly stamp: Stamp | null } & (
  | { readonly kind: 'wait' }
  /** Events of the session below this number are stored. */
  | { readonly kind: 'ok'; readonly sequence: number }
  | { readonly kind: 'no'; readonly reason: string }
);

/** Of the protocol: what a gateway speaks is what it was asked in. */
export type ProtocolVersion = 1 | 2;

const lineCharactersMax = 1024;

/** Cuts the gateway's bytes into answers. They are ASCII; what is none of ours, or longer than any of ours, is null. */
export class AnswerReader {
  readonly #version: ProtocolVersion;
  #line = '';

  constructor(version: ProtocolVersion) {
    this.#version = version;
  }

  *push(bytes: Uint8Array): Generator<GatewayAnswer | null, void, undefined> {
    for (const byte of bytes) {
      if (byte !== 0x0a) {
        this.#line += String.fromCharCode(byte);
        if (this.#line.length > lineCharactersMax) {
          this.#line = '';
          yield null;
        }
        continue;
      }
      const line = this.#line;
      this.#line = '';
      yield parseAnswer(line, this.#version);
    }
  }
}

function parseAnswer(line: string, version: ProtocolVersion): GatewayAnswer | null {
  const [, text, words = ''] = (version === 1 ? /^cairn\/1()( .+)$/ : /^cairn\/2 (\S+)( .+)$/).exec(line) ?? [];
  if (text === undefined) return null;
  const stamp = version === 1 ? null : parseStamp(text);
  if (version === 2 && stamp === null) return null;
  if (words === ' wait') return { kind: 'wait', stamp };
  const [, sequence] = /^ ok (\d{1,10})$/.exec(words) ?? [];
  if (sequence !== undefined) return { kind: 'ok', sequence: Number(sequence), stamp };
  const [, reason] = /^ no (.+)$/.exec(words) ?? [];
  return reason === undefined ? null : { kind: 'no', reason, stamp };
}
