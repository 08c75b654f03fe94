import type { PartitionStatus } from '../../eventlog/index.ts';

/** What a broker answers that was asked about partitions; what is no status of one is left out. */
export function parseStatuses(json: string): readonly PartitionStatus[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return [];
  }
  return Array.isArray(value) ? value.filter(isStatus) : [];
}

function isStatus(value: unknown): value is PartitionStatus {
  if (typeof value !== 'object' || value === null) return false;
  const { group, leader, term, endOffset, followers } = value as Readonly<Record<string, unknown>>;
  return isNumber(group) && (leader === null || isNumber(leader)) && isNumber(term) && isNumber(endOffset) && areFollowers(followers);
}

const areFollowers = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((one: unknown) => {
    if (typeof one !== 'object' || one === null) return false;
    const { broker, matchOffset } = one as Readonly<Record<string, unknown>>;
    return isNumber(broker) && isNumber(matchOffset);
  });

const isNumber = (value: unknown): value is number => typeof value === 'number';
