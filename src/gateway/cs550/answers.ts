/** Texts of the old wire, letter by letter (contract 3). Names stand in them as they came. */
import { type Home, writeList } from './peers.ts';

export const publisherCreated = (id: string): string => `Publisher ID '${id}' created.`;
export const publisherExists = (id: string): string => `Publisher ID '${id}' already exists.`;
export const subscriberCreated = (id: string): string => `Subscriber ID '${id}' created.`;
export const subscriberExists = (id: string): string => `Subscriber ID '${id}' already exists.`;
export const topicCreated = ({ label, neighbours }: Home): string =>
  `Topic has been successfully created on ${label} and all the replicas has been stored into neighbors ${writeList(neighbours)}`;
export const topicExists = (topic: string): string => `Topic '${topic}' already exists.`;
export const topicNotFound = (topic: string): string => `Topic '${topic}' not found.`;
export const topicDeleted = ({ label, neighbours }: Home): string =>
  `Topic has been successfully deleted on ${label} and all the replicas has been deleted from the neighbors ${writeList(neighbours)}`;
export const published = (topic: string, { neighbours }: Home): string =>
  `Message published to '${topic}' and the replicas ${writeList(neighbours)}.`;
export const subscribed = (subscriber: string, topic: string): string => `Subscriber ID '${subscriber}' subscribed to '${topic}'.`;
export const notSubscribed = (subscriber: string, topic: string): string =>
  `Subscriber ID '${subscriber}' not found or topic '${topic}' not found.`;
/** @param message as JSON */
export const lastMessage = ({ label }: Home, message: string): string => `{"original_node": "${label}", "message": ${message}}`;
export const nodeFailed = 'Node has been failed';
export const nodeStarted = (label: string): string => `Node ${label} has been started`;
