/**
 * The language between brokers: `frame.ts` (how a stream is cut into frames, with the byte table), `handshake.ts` (who is there, and the proof),
 * `raft-messages.ts` (consensus), `requests.ts` (everything else), `relay.ts` (the same by way of others). Pure: bytes in, values out. It knows no sockets and keeps no state but the
 * unfinished frame of a `FrameReader`.
 */
export { FieldReader, FieldWriter } from './fields.ts';
export * from './frame.ts';
export * from './handshake.ts';
export { kindName } from './kind-names.ts';
export * from './pulses.ts';
export * from './raft-messages.ts';
export * from './relay.ts';
export * from './requests.ts';
