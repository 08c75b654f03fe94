/**
 * The first line of a connection: `NAME`, or `NAME cairn/2 SESSION SEQ CONNECTION` from an agent that keeps a spool (docs/decisions/0008), of before
 * November 2026 `NAME cairn/1 SESSION SEQ`. A name is 1 to 255 bytes without space or control characters (C0, DEL, and C1 as UTF-8 writes it); it is kept
 * byte for byte.
 */
export type Hello =
  | { readonly kind: 'plain'; readonly name: Uint8Array }
  | {
      readonly kind: 'session';
      readonly name: Uint8Array;
      readonly session: string;
      readonly sequence: number;
      /** 48 bits that name the connection in traces; null in `cairn/1`, which has no stamps. */
      readonly connection: number | null;
    }
  | { readonly kind: 'refused'; readonly reason: string };

const nameBytesMax = 255;
/** The longest first line: name, protocol, session, number, connection. */
export const helloBytesMax = 512;

const space = 0x20;

export function parseHello(line: Uint8Array): Hello {
  const nameTo = line.indexOf(space);
  // A copy: `slice` of a Buffer would keep the memory of the whole read.
  const name = new Uint8Array(nameTo === -1 ? line : line.subarray(0, nameTo));
  const problem = problemOfName(name);
  if (problem !== null) return { kind: 'refused', reason: problem };
  if (nameTo === -1) return { kind: 'plain', name };
  const rest = Buffer.from(line.subarray(nameTo + 1)).toString('latin1');
  const [, version, session, digits, connection] = /^cairn\/([12]) ([0-9a-f]{32}) (\d{1,10})(?: ([0-9a-f]{12}))?$/.exec(rest) ?? [];
  if (session === undefined || (version === '2') !== (connection !== undefined))
    return { kind: 'refused', reason: 'its name holds a space' };
  return {
    kind: 'session',
    name,
    session,
    sequence: Number(digits),
    connection: connection === undefined ? null : Number(`0x${connection}`),
  };
}

/** Why these bytes are no name, or null. */
export function problemOfName(name: Uint8Array): string | null {
  if (name.length === 0) return 'it gave no name';
  if (name.length > nameBytesMax) return `its name is longer than ${nameBytesMax} bytes`;
  for (let i = 0; i < name.length; i++) {
    const byte = name[i] as number;
    if (byte === space) return 'its name holds a space';
    const next = name[i + 1] ?? 0;
    const isC1 = byte === 0xc2 && next >= 0x80 && next <= 0x9f;
    if (byte < space || byte === 0x7f || isC1) return 'its name holds a control character';
  }
  return null;
}
