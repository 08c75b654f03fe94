/** The groups and topics that every broker knows without having been told. */
import { type BrokerId, type GroupId, groupId } from '../base/branded.ts';
import type { GroupMembers } from '../storage/index.ts';

/** Groups with a place of their own (design, D8); topics that users create come after. */
export const catalogGroup: GroupId = groupId(1);
export const logGroup: GroupId = groupId(2);
export const topicGroupFirst = 16;

export const logTopic = 'log';
export const eventsTopic = 'cairn.events';

/** Its partitions keep publishers and subscribers (docs/decisions/0030). No user can have made a topic of this name: it has a slash. */
export const subscribersTopic = 'cairn/subscribers';
export const subscriberGroups = 8;
export const subscriberReplicas = 3;

/** More would make each change of the catalog wait for more disks, and would not survive more in practice. */
const catalogVotersMax = 5;

/** Of the catalog of a new cluster: the lowest ids vote, the others follow. */
export function catalogMembers(brokers: readonly BrokerId[]): GroupMembers {
  const ids = [...brokers].sort((a, b) => a - b);
  return { voters: ids.slice(0, catalogVotersMax), learners: ids.slice(catalogVotersMax) };
}
