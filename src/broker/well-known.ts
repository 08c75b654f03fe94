/** The groups and topics that every broker knows without having been told. */
import { type GroupId, groupId } from '../base/branded.ts';

/** Groups with a place of their own (design, D8); topics that users create come after. */
export const catalogGroup: GroupId = groupId(1);
export const logGroup: GroupId = groupId(2);
export const topicGroupFirst = 16;

export const logTopic = 'log';
export const eventsTopic = 'cairn.events';
