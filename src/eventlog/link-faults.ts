/** Faults that are made by hand in a broker's own links (docs/decisions/0026): what may be asked for, and how it is told. */
import type { LinkFault, LinkFaults } from './types.ts';

/** Beyond it brokers would take the link for one that leads nowhere. */
export const delayMsMax = 3000;

/**
 * Why brokers with these ids cannot take this fault, as a sentence; null when they can.
 *
 * @param self the broker that is to take it; null where the others it is about are told as well
 */
export function refuseLinkFault(fault: LinkFault, brokers: readonly number[], self: number | null): string | null {
  const refusal = (reason: string): string => `Cannot ${fault.action}: ${reason}`;
  const unknown = (ids: readonly number[]): string | null => {
    const id = ids.find((one) => !brokers.includes(one));
    return id === undefined ? null : refusal(`there is no broker ${id}, the cluster has brokers ${brokers.join(', ')}`);
  };
  if (fault.action === 'partition') {
    const { groups } = fault;
    if (groups.length < 2) return refusal('a partition has at least two groups of brokers');
    if (groups.some((group) => group.length === 0)) return refusal('each group needs at least one broker');
    const named = groups.flat();
    const stranger = unknown(named);
    if (stranger !== null) return stranger;
    const twice = named.find((id, at) => named.indexOf(id) !== at);
    if (twice !== undefined) return refusal(`broker ${twice} is named twice`);
    const left = brokers.filter((id) => !named.includes(id));
    if (left.length > 0)
      return refusal(`each broker belongs in a group, and ${left.join(', ')} ${left.length === 1 ? 'is' : 'are'} in none`);
  } else if (fault.action === 'delay') {
    const { ms, link } = fault;
    if (!Number.isInteger(ms) || ms < 0 || ms > delayMsMax)
      return refusal(`a delay is a whole number of milliseconds from 0 to ${delayMsMax}`);
    if (link === null) return null;
    const stranger = unknown(link);
    if (stranger !== null) return stranger;
    if (link[0] === link[1]) return refusal(`a link has two ends, and ${link.join('-')} has one`);
    if (self !== null && !link.includes(self)) return refusal(`broker ${self} is at no end of the link ${link.join('-')}`);
  }
  return null;
}

/** What there is, for people: one text each. */
export function linkFaultTexts({ paused, cutOff, delays }: LinkFaults): readonly string[] {
  const texts: string[] = [];
  if (paused) texts.push('its links are paused by hand');
  if (cutOff.length > 0) texts.push(`a partition by hand cuts it off from ${named(cutOff)}`);
  for (const ms of new Set(delays.map((delay) => delay.ms))) {
    const to = delays.filter((delay) => delay.ms === ms).map(({ broker }) => broker);
    texts.push(`what it sends to ${named(to)} waits ${ms} ms by hand`);
  }
  return texts;
}

const named = (ids: readonly number[]): string => `${ids.length === 1 ? 'broker' : 'brokers'} ${ids.join(', ')}`;
