import type { HopList } from '../../../eventlog/index.ts';

/** As the header `Cairn-Hops` of an answer has it: `3, 1, 5`, and `3, 7; direct` where no edges led on. */
export const hopsText = ({ brokers, isDirect }: HopList): string => `${brokers.join(', ')}${isDirect ? '; direct' : ''}`;
