import { handshakeKinds } from './handshake.ts';
import { pulseKinds } from './pulses.ts';
import { raftKinds } from './raft-messages.ts';
import { relayKinds } from './relay.ts';
import { answerKinds, requestKinds } from './requests.ts';

const answerNames = Object.entries(answerKinds).map(([name, kind]) => [kind, `${name}Answer`] as const);
const names = new Map<number, string>([
  ...Object.entries({ ...handshakeKinds, ...raftKinds, ...requestKinds, ...pulseKinds, ...relayKinds }).map(
    ([name, kind]) => [kind, name] as const,
  ),
  ...answerNames,
]);

/** What a frame of this kind is, as its encoder calls it; its number where a newer broker has kinds that are not known here. */
export const kindName = (kind: number): string => names.get(kind) ?? `kind${kind}`;
