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

/** Records that subscribers could not process (docs/decisions/0041); it has a partition for each of those groups. */
export const parkedTopic = 'cairn/parked';

/** Its partitions keep what is to be appended later (docs/decisions/0036). */
export const scheduledTopic = 'cairn/scheduled';
export const scheduledGroups = 8;

/** Of each of these. */
export const internalReplicas = 3;

/** Written by Cairn itself: nobody appends to them by name. */
export const isInternalTopic = (topic: string): boolean => topic === subscribersTopic || topic === scheduledTopic || topic === parkedTopic;

/** Written by Cairn for itself or about itself: no caller's work. */
export const isOfCairn = (topic: string): boolean => topic === eventsTopic || isInternalTopic(topic);

/** More would make each change of the catalog wait for more disks, and would not survive more in practice. */
export const catalogVotersMax = 5;

/** Of the catalog of a new cluster: the lowest ids vote, the others follow. */
export function catalogMembers(brokers: readonly BrokerId[]): GroupMembers {
  const ids = [...brokers].sort((a, b) => a - b);
  return { voters: ids.slice(0, catalogVotersMax), learners: ids.slice(catalogVotersMax) };
}
