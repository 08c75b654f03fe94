/** What the gateway says to a spooling agent, a line each (docs/decisions/0008). */
export type GatewayAnswer =
  | { readonly kind: 'wait' }
  /** Events of the session below this number are stored. */
  | { readonly kind: 'ok'; readonly sequence: number }
  | { readonly kind: 'no'; readonly reason: string };

const lineCharactersMax = 1024;

/** Cuts the gateway's bytes into answers. They are ASCII; what is none of ours, or longer than any of ours, is null. */
export class AnswerReader {
  #line = '';

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
      yield parseAnswer(line);
    }
  }
}

function parseAnswer(line: string): GatewayAnswer | null {
  if (line === 'cairn/1 wait') return { kind: 'wait' };
  const [, sequence] = /^cairn\/1 ok (\d{1,10})$/.exec(line) ?? [];
  if (sequence !== undefined) return { kind: 'ok', sequence: Number(sequence) };
  const [, reason] = /^cairn\/1 no (.+)$/.exec(line) ?? [];
  return reason === undefined ? null : { kind: 'no', reason };
}
